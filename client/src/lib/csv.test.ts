import { expect, it } from 'vitest';
import { toCsv } from './csv';

it('writes tables that no spreadsheet runs', () => {
  const rows = [
    { a: '=1+1', b: 'x,"y"\nz', c: null, d: -5 },
    { a: '@cmd', b: '-2+3', c: { k: 'v' }, d: 1 },
  ];
  expect(toCsv(rows, ['a', 'b', 'c', 'd'])).toBe(
    'a,b,c,d\r\n\'=1+1,"x,""y""\nz",,-5\r\n\'@cmd,\'-2+3,"{""k"":""v""}",1\r\n',
  );
});
