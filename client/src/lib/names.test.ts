import { describe, expect, it } from 'vitest';
import { childOf, lastName, parentOf, readable, showName, stepsTo, TOP } from './names';

describe('names', () => {
  it('show what would hide, or turn the text around it', () => {
    expect(showName('a\u202eb')).toBe('a⟨202E⟩b');
    expect(showName('line\nbreak\u0000')).toBe('line⟨000A⟩break⟨0000⟩');
    expect(showName('žluťoučký <b>&</b> 👩‍🚀')).toContain('žluťoučký <b>&</b> 👩');
  });

  it('that are percent-encoded are read where they are UTF-8', () => {
    expect(readable('caf%C3%A9', 'percent')).toBe('café');
    expect(readable('caf%E9', 'percent')).toBe('caf%E9');
    expect(readable('100%', null)).toBe('100%');
  });
});

describe('paths', () => {
  it('grow by names', () => {
    expect(childOf(TOP, 'obs', null)).toEqual({ text: 'obs', encoding: null });
    expect(childOf({ text: 'obs', encoding: null }, '50% off', null)).toEqual({ text: 'obs/50% off', encoding: null });
  });

  it('are percent-encoded as a whole as soon as one name is', () => {
    expect(childOf({ text: 'a b/c', encoding: null }, 'caf%E9', 'percent')).toEqual({
      text: 'a%20b/c/caf%E9',
      encoding: 'percent',
    });
    expect(childOf({ text: 'caf%E9', encoding: 'percent' }, '50% off', null)).toEqual({
      text: 'caf%E9/50%25%20off',
      encoding: 'percent',
    });
  });

  it('lead back to the top', () => {
    expect(parentOf({ text: 'a/b', encoding: null })).toEqual({ text: 'a', encoding: null });
    expect(parentOf({ text: 'a', encoding: null })).toEqual(TOP);
    expect(parentOf(TOP)).toEqual(TOP);
    expect(stepsTo({ text: 'a/b/c', encoding: null }).map(({ text }) => text)).toEqual(['a', 'a/b', 'a/b/c']);
    expect([lastName('a/b/'), lastName('/'), lastName('a/.')]).toEqual(['b', '', 'a']);
  });
});
