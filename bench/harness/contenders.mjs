// Contenders for `sideBySide`: ways to bring one source to one destination.
import { flush, remove, run } from './command.mjs';

/** The service, asked over HTTP; each round has a destination of its own. */
export function staging(service, home, method, source) {
  return {
    run: (round) => service.stage(method, source, `staged-${round}`),
    undo: (round) => remove(service.staged(`staged-${round}`), home),
  };
}

/** A command that makes `target` (its last argument); with `flushed` the data is on disk when it has ended. */
export function command(home, target, argv, { flushed = true } = {}) {
  return {
    run: () => run(...argv, target).then(() => (flushed ? flush(target) : undefined)),
    undo: () => remove(target, home),
  };
}
