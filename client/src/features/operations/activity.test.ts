import { expect, it } from 'vitest';
import type { Operation } from '../../api/types';
import { failuresOf, stretchesOf } from './activity';

const at = (seconds: number) => new Date(1_770_000_000_000 + 1000 * seconds).toISOString();
const operation = (seconds: number, status: string, bytes = 0, code: string | null = null) =>
  ({ created_at: at(seconds), status, bytes_done: bytes, error_code: code }) as Operation;

it('operations fall into stretches of equal length', () => {
  const operations = [operation(0, 'success', 5), operation(10, 'failure'), operation(99, 'running', 7)];
  const stretches = stretchesOf(operations, 10, Date.parse(at(100)));
  expect(stretches).toHaveLength(10);
  expect(stretches[0]).toMatchObject({ done: 1, bytes: 5 });
  expect(stretches[1]).toMatchObject({ failed: 1 });
  expect(stretches[9]).toMatchObject({ other: 1, bytes: 7 });
  expect(stretchesOf([], 10, 0)).toEqual([]);
});

it('failures are counted by reason', () => {
  const operations = [
    operation(0, 'failure', 0, 'a'),
    operation(1, 'failure', 0, 'b'),
    operation(2, 'failure', 0, 'b'),
    operation(3, 'success'),
  ];
  expect(failuresOf(operations)).toEqual([
    { code: 'b', count: 2 },
    { code: 'a', count: 1 },
  ]);
});
