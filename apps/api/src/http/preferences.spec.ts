import { appliedOf, preferencesOf } from './preferences';

describe('preferencesOf', () => {
  it.each<[string | string[] | undefined, boolean, number | null]>([
    [undefined, false, null],
    ['respond-async', true, null],
    ['Respond-Async; foo', true, null],
    ['respond-async=no', false, null],
    ['respond-asynchronously', false, null],
    ['wait=5', false, 5],
    ['WAIT = "5"', false, 5],
    ['wait=0', false, 0],
    ['wait=99999', false, 600],
    ['wait=-1', false, null],
    ['wait=1.5', false, null],
    ['wait=soon', false, null],
    ['wait', false, null],
    ['wait=5, wait=9', false, 5],
    ['wait="\\5"', false, 5],
    ['wait=5;x="a, respond-async, b"', false, 5],
    ['x="a, respond-async, b", wait=3', false, 3],
    ['x="\\", respond-async"', false, null],
    ['x="never ends, respond-async', false, null],
    ['x="never ends\\', false, null],
    [',, respond-async ,', true, null],
    ['=, wait 5', false, null],
    ['return=minimal, respond-async, wait=3', true, 3],
    [['respond-async', 'wait=3'] as string[], true, 3],
  ])('%j', (prefer, respondAsync, waitSeconds) => {
    expect(preferencesOf({ headers: { prefer: prefer } })).toEqual({ respondAsync, waitSeconds });
  });

  it('tells what was heeded', () => {
    expect(appliedOf({ respondAsync: true, waitSeconds: null })).toBe('respond-async');
    expect(appliedOf({ respondAsync: true, waitSeconds: 5 })).toBe('respond-async, wait=5');
    expect(appliedOf({ respondAsync: false, waitSeconds: 0 })).toBe('wait=0');
  });
});
