import { newOperationId } from '@app/records';
import { DownloadTokens, type Signed } from './download-token';

const SECRET = 'a secret of the site, 32 bytes long';
const END = new Date('2026-02-01T13:00:00.123Z');
const RECORD: Signed = {
  id: newOperationId(),
  username: 'jane',
  storage: 'default',
  localPathOnStorage: 'obs/42.fits',
  nameEncoding: null,
};

describe('DownloadTokens', () => {
  const tokens = new DownloadTokens(SECRET);
  const token = tokens.sign(RECORD, END);

  it('say whose they are and when they end, in a form that any address can hold', () => {
    expect(token).toMatch(/^[A-Za-z0-9_-]{72}$/);
    expect(tokens.read(token)).toMatchObject({ operationId: RECORD.id, expiresAt: END });
    expect(tokens.isGenuine(tokens.read(token)!, RECORD)).toBe(true);
  });

  it.each<[string, Partial<Signed>]>([
    ['operation', { id: newOperationId() }],
    ['user', { username: 'bob' }],
    ['storage', { storage: 'cold' }],
    ['file', { localPathOnStorage: 'obs/43.fits' }],
    ['way to write the path', { nameEncoding: 'percent' }],
  ])('open nothing for another %s', (_what, other) => {
    expect(tokens.isGenuine(tokens.read(token)!, { ...RECORD, ...other })).toBe(false);
  });

  it('cannot be changed anywhere', () => {
    for (let index = 0; index < token.length; index += 1) {
      const changed = token.slice(0, index) + (token[index] === 'A' ? 'B' : 'A') + token.slice(index + 1);
      const claim = tokens.read(changed)!;
      const asked = claim.operationId === RECORD.id ? RECORD : { ...RECORD, id: claim.operationId };
      expect({ index, genuine: tokens.isGenuine(claim, asked) }).toEqual({ index, genuine: false });
    }
  });

  it('are of one secret alone, which is another one at each start where the site has none', () => {
    expect(new DownloadTokens(SECRET).isGenuine(tokens.read(token)!, RECORD)).toBe(true);
    expect(new DownloadTokens(`${SECRET}!`).isGenuine(tokens.read(token)!, RECORD)).toBe(false);
    const [one, other] = [new DownloadTokens(undefined), new DownloadTokens(undefined)];
    expect(other.isGenuine(one.read(one.sign(RECORD, END))!, RECORD)).toBe(false);
  });

  it.each(['', 'x', token.slice(1), `${token}A`, `${token.slice(1)}=`, `${token.slice(1)}+`, '../../etc/passwd'])(
    'are not read from %s',
    (text) => expect(tokens.read(text)).toBeNull(),
  );
});
