import { type RawName } from '../names/raw-name';

/**
 * True when a link's text, read from the directory `from`, leads to a place below `base` by names alone: relative,
 * `..` only at its beginning, and not above `base`. Such a link means the same in a copy of the tree.
 */
export function staysBelow(text: RawName, from: RawName[], base: RawName[]): boolean {
  if (text.startsWith('/')) return false;
  const segments = text.split('/').filter((segment) => segment !== '' && segment !== '.');
  const ups = segments.findIndex((segment) => segment !== '..');
  const leading = ups === -1 ? segments.length : ups;
  if (segments.slice(leading).includes('..')) return false;
  return from.length - leading >= base.length;
}

/** The text of a link in directory `from` to `to`; both are real places in one root. */
export function relativeText(from: RawName[], to: RawName[]): RawName {
  let common = 0;
  while (common < from.length && common < to.length && from[common] === to[common]) common += 1;
  const text = [...from.slice(common).map(() => '..'), ...to.slice(common)].join('/');
  return text === '' ? '.' : text;
}
