import { format, inspect } from 'node:util';
import { Token } from './token';

describe('Token', () => {
  const token = new Token('top-secret');

  it('is sent in the header that Jupyter reads', () => {
    expect(token.authorization).toBe('token top-secret');
  });

  it('prints itself nowhere', () => {
    const holder = { deep: { token } };
    const printed = [
      String(token),
      `${token.toString()}`,
      JSON.stringify(holder),
      inspect(holder, { depth: 9, showHidden: true }),
      format('%o %O %j %s', token, token, token, token),
      JSON.stringify(Object.entries(token)),
    ];
    for (const text of printed) expect(text).not.toContain('top-secret');
    expect(JSON.stringify(holder)).toBe('{"deep":{"token":"[token]"}}');
  });
});
