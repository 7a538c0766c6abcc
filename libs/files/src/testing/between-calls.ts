import fs from 'node:fs';

/** The synchronous calls of `node:fs` that the library makes in its workers. */
const CALLS = [
  'closeSync',
  'copyFileSync',
  'fchmodSync',
  'fchownSync',
  'fdatasyncSync',
  'fstatSync',
  'fsyncSync',
  'ftruncateSync',
  'futimesSync',
  'linkSync',
  'lstatSync',
  'mkdirSync',
  'openSync',
  'opendirSync',
  'readSync',
  'readlinkSync',
  'renameSync',
  'rmdirSync',
  'statfsSync',
  'symlinkSync',
  'unlinkSync',
  'writeSync',
] as const;

/** A call of the library as it is about to be made, or as it has just returned. */
export interface SeenCall {
  /** Number of the call, from 0. */
  index: number;
  name: (typeof CALLS)[number];
  args: unknown[];
}

type AnyCall = (...args: unknown[]) => unknown;

/**
 * Runs `work` with somebody between each two of its file calls: `before` sees each call, may do mischief or throw in its
 * place. What `before` does itself is not seen. Nothing is really flushed, since no power fails here and each flush takes
 * as long as all the rest. `after` sees what each call returned.
 */
export function betweenCalls(
  before: (call: SeenCall) => void,
  work: () => void,
  after: (call: SeenCall, result: unknown) => void = () => undefined,
): void {
  const real = fs as unknown as Record<string, AnyCall>;
  const kept = CALLS.map((name) => [name, real[name]!] as const);
  let index = 0;
  let busy = false;
  const alone = (watching: () => void) => {
    busy = true;
    try {
      watching();
    } finally {
      busy = false;
    }
  };
  for (const [name, call] of kept) {
    real[name] = (...args) => {
      if (busy) return call(...args);
      const seen = { index: index++, name, args };
      alone(() => before(seen));
      const result = name === 'fsyncSync' || name === 'fdatasyncSync' ? undefined : call(...args);
      alone(() => after(seen, result));
      return result;
    };
  }
  try {
    work();
  } finally {
    for (const [name, call] of kept) real[name] = call;
  }
}
