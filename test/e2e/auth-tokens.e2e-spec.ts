import { createHmac, createPublicKey } from 'node:crypto';
import { createServer } from 'node:http';
import { type AddressInfo } from 'node:net';
import { exportJWK, generateKeyPair, type JWK, type JWTPayload } from 'jose';
import { onCleanup } from '../support/cleanups';
import { type Answer } from '../support/http-client';
import { newKey, OpenIdProvider } from '../support/openid-provider';
import { type RunningService, startService } from '../support/service';
import { until } from '../support/until';

/** Which tokens count: checked by the real service, with a real provider. */

const PEOPLE = { alice: { preferred_username: 'alice' }, nameless: {}, odd: { preferred_username: 'a/../b' } };

let provider: OpenIdProvider;
let service: RunningService;
beforeAll(async () => {
  provider = await OpenIdProvider.start(PEOPLE);
  service = await startService({ files: { file: 'data' }, env: provider.settings });
});

const ask = (token: string) => service.get('/operations', { authorization: `Bearer ${token}` });
const encoded = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
const now = () => Math.floor(Date.now() / 1000);

function expectRefused(answer: Answer, fault: RegExp | null): void {
  expect(answer).toMatchObject({ status: 401, body: { code: 'unauthorized', operation_id: null } });
  const challenge = answer.headers['www-authenticate'];
  if (fault === null) expect(challenge).toBe('Bearer realm="staging"');
  else expect(challenge).toMatch(/^Bearer realm="staging", error="invalid_token", error_description="[^"]+"$/);
  if (fault) expect(answer.body.detail).toMatch(fault);
}

it('a token of the provider is accepted, whatever the case of its scheme', async () => {
  const token = await provider.token('alice');
  for (const scheme of ['Bearer', 'bearer', 'BEARER']) {
    expect((await service.get('/operations', { authorization: `${scheme} ${token}` })).status).toBe(200);
  }
});

it('no token is refused, with nothing but how to sign in', async () => {
  expectRefused(await service.get('/operations'), null);
  expectRefused(await service.stage({ local_path_on_storage: 'file', relative_path: 'file' }), null);
  expectRefused(await service.get(`/operations?access_token=${await provider.token('alice')}`), null);
});

it('one that is not good for this service is refused', async () => {
  const claims = (overrides: JWTPayload) => provider.sign(provider.claims('alice', overrides));
  expectRefused(await ask(await provider.token('alice', 'https://other.example.org')), /Its aud is not right/);
  expectRefused(await ask(await claims({ aud: undefined })), /Its aud/);
  expectRefused(await ask(await claims({ iss: 'https://other.example.org' })), /Its iss/);
  expectRefused(await ask(await claims({ iss: `${provider.issuer}/` })), /Its iss/);
  expectRefused(await ask(await claims({ exp: now() - 60 })), /It has expired/);
  expectRefused(await ask(await claims({ exp: undefined })), /Its exp/);
  expectRefused(await ask(await claims({ sub: undefined })), /Its sub/);
  expectRefused(await ask(await claims({ nbf: now() + 120 })), /Its nbf/);
});

it('clocks may differ a little', async () => {
  for (const skewed of [{ exp: now() - 10 }, { nbf: now() + 10 }]) {
    expect((await ask(await provider.sign(provider.claims('alice', skewed)))).status).toBe(200);
  }
});

it.each([
  ['nothing', ''],
  ['no token', 'abc'],
  ['empty parts', '..'],
  ['five parts, as of an encrypted one', 'a.b.c.d.e'],
  ['a long one', 'a'.repeat(12_000)],
])('%s is refused', async (_what, token) => expectRefused(await ask(token), /./));

it.each(['Basic YWxpY2U6eA==', 'Token abc', 'Bearer', 'Bearer a b'])('"%s" is refused', async (authorization) => {
  expectRefused(await service.get('/operations', { authorization }), /./);
});

describe('a forged token is refused:', () => {
  const FOREIGN = /not one of the sign-in of this site/;

  it('without a signature', async () => {
    for (const alg of ['none', 'None', 'NONE']) {
      const head = encoded({ alg, kid: provider.key.kid });
      expectRefused(await ask(`${head}.${encoded(provider.claims('alice'))}.`), FOREIGN);
    }
  });

  it('with a signature by the public key as if it were a shared secret', async () => {
    const pem = createPublicKey({ key: { ...provider.key, d: undefined } as never, format: 'jwk' }).export({
      type: 'spki',
      format: 'pem',
    });
    const text = `${encoded({ alg: 'HS256', kid: provider.key.kid })}.${encoded(provider.claims('alice'))}`;
    const signature = createHmac('sha256', pem).update(text).digest('base64url');
    expectRefused(await ask(`${text}.${signature}`), FOREIGN);
  });

  it('with a signature of somebody else under the name of a key of the provider', async () => {
    const own: JWK = { ...(await newKey('first')), kid: provider.key.kid };
    expectRefused(await ask(await provider.sign(provider.claims('alice'), {}, own)), FOREIGN);
  });

  it('with a key that it brings along, or says where to get', async () => {
    const pair = await generateKeyPair('RS256', { extractable: true });
    const [jwk, own] = [await exportJWK(pair.publicKey), await exportJWK(pair.privateKey)];
    let asked = 0;
    const thief = createServer((_request, response) => {
      asked += 1;
      response.end(JSON.stringify({ keys: [{ ...jwk, kid: 'mine' }] }));
    }).listen(0, '127.0.0.1');
    onCleanup(() => void thief.close());
    await until(() => thief.listening, 'it does not listen');
    const jku = `http://127.0.0.1:${(thief.address() as AddressInfo).port}/`;
    for (const head of [{ jwk }, { jku, kid: 'mine' }, { x5u: jku, kid: 'mine' }, { jku, jwk, kid: 'first' }]) {
      const token = await provider.sign(provider.claims('alice'), head, { ...own, alg: 'RS256' });
      expectRefused(await ask(token), FOREIGN);
    }
    expect(asked).toBe(0);
  });

  it.each(["first' OR '1'='1", '../../../../dev/null', '/dev/null', '\u0000', '__proto__', 'x'.repeat(5000)])(
    'with the key name %j',
    async (kid) => {
      const own = await newKey('mine');
      expectRefused(await ask(await provider.sign(provider.claims('alice'), { kid }, own)), FOREIGN);
    },
  );

  it('with changed claims', async () => {
    const [head, , signature] = (await provider.token('alice')).split('.');
    expectRefused(await ask(`${head}.${encoded(provider.claims('mallory'))}.${signature}`), FOREIGN);
  });

  it('with a part that must be understood', async () => {
    const token = await provider.sign(provider.claims('alice'), { crit: ['b64'], b64: true });
    const [head, ...rest] = token.split('.');
    const crit = { ...(JSON.parse(Buffer.from(head!, 'base64url').toString()) as object), crit: ['other'], other: 1 };
    expectRefused(await ask([encoded(crit), ...rest].join('.')), FOREIGN);
  });
});

it('a name that the site cannot serve is refused, and never changed into one', async () => {
  for (const overrides of [
    {},
    { preferred_username: 'x'.repeat(65) },
    { preferred_username: '-a' },
    { preferred_username: ['alice'] },
  ]) {
    const answer = await ask(await provider.sign(provider.claims('odd', overrides)));
    expect(answer).toMatchObject({ status: 403, body: { code: 'forbidden' } });
  }
  const answer = await ask(await provider.token('nameless'));
  expect(answer).toMatchObject({ status: 403, body: { detail: expect.stringContaining('has no claim') } });
});

it('nothing of a token gets into the log, records, errors or metrics', async () => {
  const token = await provider.token('alice');
  const forged = await provider.sign(provider.claims('alice'), {}, { ...(await newKey('x')), kid: 'first' });
  const headers = { authorization: `Bearer ${token}` };
  const answers = [
    await service.stage({ local_path_on_storage: 'file', relative_path: 'file' }, { username: 'alice' }, headers),
    await ask(forged),
    await service.get('/operations', headers),
    await service.get('/metrics'),
  ];
  const signatures = [token, forged].map((text) => text.split('.')[2]!);
  for (const text of [...answers.map(({ body }) => JSON.stringify(body)), service.logText(), service.output]) {
    for (const signature of signatures) expect(text).not.toContain(signature.slice(0, 20));
  }
});
