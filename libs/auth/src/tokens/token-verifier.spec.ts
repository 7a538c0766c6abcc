import { type CryptoKey, generateKeyPair, type JWTPayload, SignJWT } from 'jose';
import { AppError } from '@app/core';
import { type AuthOptions } from '../contract/auth-options';
import { TokenVerifier } from './token-verifier';

const OPTIONS: AuthOptions = {
  issuer: 'https://iam.example.org/',
  audience: 'staging',
  usernameClaim: 'preferred_username',
  groupsClaim: 'groups',
  operatorGroups: [],
  serviceSubjects: ['portal'],
  onTrouble: () => undefined,
};

let privateKey: CryptoKey;
let publicKey: CryptoKey;
let userinfo: jest.Mock<Promise<unknown>, [string]>;
let verifier: TokenVerifier;
beforeAll(async () => ({ privateKey, publicKey } = await generateKeyPair('ES256')));
beforeEach(() => {
  userinfo = jest.fn((_token: string) => Promise.resolve<unknown>({ sub: 'a-1', preferred_username: 'alice' }));
  verifier = new TokenVerifier({ keyOf: () => Promise.resolve(publicKey), userinfo }, OPTIONS);
});

function sign(claims: JWTPayload = {}): Promise<string> {
  const usual = { iss: OPTIONS.issuer, aud: OPTIONS.audience, sub: 'a-1', exp: Math.floor(Date.now() / 1000) + 60 };
  return new SignJWT({ ...usual, ...claims }).setProtectedHeader({ alg: 'ES256' }).sign(privateKey);
}

describe('a token without a user name', () => {
  it('is completed by the provider, asked once for each token', async () => {
    const token = await sign();
    for (let time = 0; time < 3; time += 1) {
      await expect(verifier.verify(token)).resolves.toMatchObject({ username: 'alice', role: 'user' });
    }
    expect(userinfo.mock.calls).toEqual([[token]]);
    await verifier.verify(await sign({ jti: 'another' }));
    expect(userinfo).toHaveBeenCalledTimes(2);
  });

  it('has none when the provider speaks of somebody else, or of nobody', async () => {
    for (const told of [{ sub: 'b-2', preferred_username: 'bob' }, { preferred_username: 'bob' }, null, 'alice', []]) {
      userinfo.mockResolvedValueOnce(told);
      await expect(verifier.verify(await sign({ jti: JSON.stringify(told) }))).rejects.toMatchObject({
        code: 'forbidden',
      });
    }
  });

  it('cannot be judged while the provider is away, and is not remembered as that', async () => {
    const token = await sign();
    userinfo.mockRejectedValueOnce(new AppError('auth_unavailable', 'Away.'));
    await expect(verifier.verify(token)).rejects.toMatchObject({ code: 'auth_unavailable' });
    await expect(verifier.verify(token)).resolves.toMatchObject({ username: 'alice' });
  });

  it('is not asked about for a service, nor when the token has a name', async () => {
    await verifier.verify(await sign({ sub: 'portal' }));
    await verifier.verify(await sign({ preferred_username: 'alice' }));
    expect(userinfo).not.toHaveBeenCalled();
  });

  it('is told groups, but nothing that the token says otherwise', async () => {
    const options = { ...OPTIONS, operatorGroups: ['admins'] };
    userinfo.mockResolvedValue({ sub: 'a-1', preferred_username: 'alice', groups: ['admins'], exp: 9_999_999_999 });
    verifier = new TokenVerifier({ keyOf: () => Promise.resolve(publicKey), userinfo }, options);
    const told = await verifier.verify(await sign());
    expect(told.role).toBe('operator');
    expect(told.expiresAt!.getTime()).toBeLessThan(Date.now() + 61_000);
    expect((await verifier.verify(await sign({ groups: ['staff'] }))).role).toBe('user');
  });
});
