// An OpenID provider for the tests: a process of its own, as its library comes as ES modules only. Reads what it is to be
// like from PROVIDER (JSON), tells by a line that it listens, and by a line each what it is asked for. A page signs people
// in by the client `page` (code with PKCE): who it is, is what they write into the provider's only field.
import Provider from 'oidc-provider';

const { port, jwks, people, lifetimeSeconds, pages = [] } = JSON.parse(process.env.PROVIDER);
const issuer = `http://127.0.0.1:${port}`;

const provider = new Provider(issuer, {
  // Each of the people signs in by credentials of their own, which needs no page.
  clients: [
    ...Object.keys(people).map((name) => ({
      client_id: name,
      client_secret: `secret of ${name}`,
      grant_types: ['client_credentials'],
      redirect_uris: [],
      response_types: [],
    })),
    {
      client_id: 'page',
      token_endpoint_auth_method: 'none',
      application_type: 'native',
      grant_types: ['authorization_code', 'refresh_token'],
      redirect_uris: pages.flatMap((page) => [`${page}/ui/signed-in`, `${page}/docs/oauth2-redirect.html`]),
      post_logout_redirect_uris: pages.map((page) => `${page}/ui/`),
    },
  ],
  jwks,
  cookies: { keys: ['of the tests'] },
  clientBasedCORS: () => true,
  findAccount: (_context, id) =>
    people[id] ? { accountId: id, claims: () => ({ sub: id, ...people[id] }) } : undefined,
  scopes: ['openid', 'profile', 'offline_access', 'stage'],
  issueRefreshToken: () => true,
  ttl: { AccessToken: lifetimeSeconds, RefreshToken: 3600, Session: 3600, Grant: 3600, Interaction: 600 },
  interactions: { url: (_context, { uid }) => `/sign-in/${uid}` },
  // Who signs in agrees.
  loadExistingGrant: async (context) => {
    const grant = new context.oidc.provider.Grant({
      clientId: context.oidc.client.clientId,
      accountId: context.oidc.session.accountId,
    });
    grant.addOIDCScope('openid profile offline_access');
    for (const resource of [context.oidc.params.resource].flat().filter(Boolean))
      grant.addResourceScope(resource, 'stage');
    await grant.save();
    return grant;
  },
  features: {
    clientCredentials: { enabled: true },
    devInteractions: { enabled: false },
    rpInitiatedLogout: {
      enabled: true,
      logoutSource: (context, form) => {
        context.body = `<!doctype html><title>Sign out</title>${form}<button form="op.logoutForm" name="logout" value="yes">Sign out here</button>`;
      },
    },
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
  extraTokenClaims: (_context, token) => people[token.accountId ?? token.clientId],
});

const FORM =
  '<!doctype html><title>Sign in</title><form method="post"><label>Name <input name="name"></label><button>Go</button></form>';

async function signIn(context) {
  if (context.method === 'GET') {
    context.type = 'html';
    context.body = FORM;
    return;
  }
  let body = '';
  for await (const part of context.req) body += part;
  const accountId = new URLSearchParams(body).get('name');
  // Native clients must be agreed to each time.
  await provider.interactionFinished(context.req, context.res, { login: { accountId }, consent: {} });
  context.respond = false;
}

provider.use(async (context, next) => {
  console.log(`asked ${context.path}`);
  if (context.path.startsWith('/sign-in/')) await signIn(context);
  else await next();
});
provider.listen(port, '127.0.0.1', () => console.log('listening'));
