import { type AuthOptions } from '../contract/auth-options';
import { isOperator, isOwn, mayActFor, maySee } from '../contract/caller';
import { callerOf, type Claims } from './claims';

const OPTIONS: AuthOptions = {
  issuer: 'https://iam.example.org/',
  audience: 'staging',
  usernameClaim: 'preferred_username',
  groupsClaim: 'groups',
  operatorGroups: ['ska/operators', '/admins'],
  serviceSubjects: ['portal'],
  onTrouble: () => undefined,
};
const claims = (overrides: Claims = {}): Claims => ({
  sub: 'a-1',
  exp: 2_000_000_000,
  preferred_username: 'alice',
  ...overrides,
});
const caller = (overrides: Claims = {}) => callerOf(claims(overrides), OPTIONS);

describe('who a token stands for', () => {
  it('is issuer and subject, with the name that it says', () => {
    expect(caller()).toEqual({
      role: 'user',
      identity: 'https://iam.example.org/#a-1',
      username: 'alice',
      expiresAt: new Date(2_000_000_000_000),
    });
  });

  it.each([
    [['ska/operators'], 'operator'],
    [['/ska/operators'], 'operator'],
    [['admins'], 'operator'],
    ['staff ska/operators', 'operator'],
    [['staff', 'ska'], 'user'],
    [['ska/operators/former'], 'user'],
    [['SKA/operators'], 'user'],
    [['//ska/operators'], 'user'],
    ['ska/operatorsx', 'user'],
    [{ 0: 'ska/operators' }, 'user'],
    [[['ska/operators']], 'user'],
    [undefined, 'user'],
  ])('with the groups %j is %s', (groups, role) => expect(caller({ groups }).role).toBe(role));

  it('is a service by its subject, whatever it calls itself', () => {
    expect(caller({ sub: 'portal', preferred_username: undefined })).toMatchObject({ role: 'service', username: null });
    expect(caller({ sub: 'PORTAL', preferred_username: 'portal' }).role).toBe('user');
  });

  it.each([undefined, null, '', 'a/b', '../a', '.a', 'a b', 'ä', 'x'.repeat(65), 7, ['alice'], 'alice\n'])(
    'is nobody who can be served with the name %j',
    (name) => {
      const refused = () => caller({ preferred_username: name });
      expect(refused).toThrow(expect.objectContaining({ code: 'forbidden' }) as Error);
    },
  );

  it('is nobody with a subject that no record could keep', () => {
    expect(() => caller({ sub: 'x'.repeat(255) })).toThrow(expect.objectContaining({ code: 'forbidden' }) as Error);
    expect(caller({ sub: 'x'.repeat(200) }).identity).toHaveLength(225);
  });

  it('may be an operator without a name', () => {
    expect(caller({ groups: ['admins'], preferred_username: 'a b' })).toMatchObject({
      role: 'operator',
      username: null,
    });
  });
});

describe('what somebody may', () => {
  const portal = caller({ sub: 'portal', preferred_username: undefined });
  const operator = caller({ groups: ['admins'] });
  const own = { username: 'alice', requestedBy: caller().identity };
  const others = { username: 'bob', requestedBy: 'https://iam.example.org/#b-2' };
  const byPortal = { username: 'bob', requestedBy: portal.identity };

  it.each([
    ['a user', caller(), [true, false, false]],
    ['a service', portal, [false, false, true]],
    ['an operator', operator, [true, true, true]],
  ])('see: %s', (_who, who, expected) => {
    expect([own, others, byPortal].map((what) => maySee(who, what))).toEqual(expected);
  });

  it('ask for', () => {
    expect([caller(), portal, operator].map((who) => mayActFor(who, 'bob'))).toEqual([false, true, true]);
    expect(mayActFor(caller(), 'alice')).toBe(true);
    expect(mayActFor(caller(), 'Alice')).toBe(false);
  });

  it('call its own without being an operator', () => {
    expect([isOwn(operator, others), isOperator(caller()), isOperator(portal)]).toEqual([false, false, false]);
  });
});
