// An OpenID provider for the tests: a process of its own, as its library comes as ES modules only. Reads what it is to be
// like from PROVIDER (JSON), tells by a line that it listens, and by a line each what it is asked for.
import Provider from 'oidc-provider';

const { port, jwks, people, lifetimeSeconds } = JSON.parse(process.env.PROVIDER);
const issuer = `http://127.0.0.1:${port}`;

const provider = new Provider(issuer, {
  // Each of the people signs in by credentials of their own, which needs no page.
  clients: Object.keys(people).map((name) => ({
    client_id: name,
    client_secret: `secret of ${name}`,
    grant_types: ['client_credentials'],
    redirect_uris: [],
    response_types: [],
  })),
  jwks,
  features: {
    clientCredentials: { enabled: true },
    devInteractions: { enabled: false },
    resourceIndicators: {
      enabled: true,
      defaultResource: () => undefined,
      useGrantedResource: () => true,
      getResourceServerInfo: (_context, resource) => ({
        scope: 'stage',
        audience: resource,
        accessTokenTTL: lifetimeSeconds,
        accessTokenFormat: 'jwt',
        jwt: { sign: { alg: jwks.keys[0].alg } },
      }),
    },
  },
  extraTokenClaims: (_context, token) => people[token.clientId],
});

provider.use(async (context, next) => {
  console.log(`asked ${context.path}`);
  await next();
});
provider.listen(port, '127.0.0.1', () => console.log('listening'));
