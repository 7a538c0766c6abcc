import { expect, it } from 'vitest';
import { destinationIn, faultOfDestination } from './destination';

const LIMITS = { max_path_bytes: 100, max_segment_bytes: 20 };

it.each([
  ['in/file', null],
  ['in/', null],
  ['./in//file', null],
  ['a\\b', null],
  ['', 'must not be empty'],
  ['a\0b', 'must not contain NUL'],
  ['/etc', 'leaves the user area: give a path relative to it, without ".."'],
  ['a/../b', 'leaves the user area: give a path relative to it, without ".."'],
  ['.', 'names no file or directory'],
  ['é'.repeat(11), 'must not have a segment longer than 20 bytes'],
  ['a/'.repeat(51), 'must not be longer than 100 bytes'],
])('%j: %s', (path, fault) => expect(faultOfDestination(path, LIMITS)).toBe(fault));

it('several go below one directory', () => {
  expect([destinationIn('', 'a'), destinationIn('in/', 'a'), destinationIn('in', 'a')]).toEqual(['a', 'in/a', 'in/a']);
});
