// Times, side by side, and the figures made of them.
import { performance } from 'node:perf_hooks';

/** Milliseconds that `work` takes. */
export async function time(work) {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

/** The middle value; the mean of the two middle ones of an even number. */
export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** The value that a share of `part` (0.99: all but one in a hundred) does not exceed. */
export function quantile(values, part) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.ceil(sorted.length * part) - 1)];
}

/**
 * Lets contenders take turns for some rounds, each round beginning with another one, and returns the milliseconds of
 * each by name. A contender is `{ run(round), undo(round) }`: `undo` (not timed) removes what `run` made.
 */
export async function sideBySide(bench, contenders) {
  const names = Object.keys(contenders);
  const times = Object.fromEntries(names.map((name) => [name, []]));
  for (let round = 0; round < bench.options.rounds; round += 1) {
    for (let turn = 0; turn < names.length; turn += 1) {
      const name = names[(round + turn) % names.length];
      times[name].push(await time(() => contenders[name].run(round)));
      await contenders[name].undo(round);
      bench.log(`  round ${round + 1}: ${name}: ${(times[name].at(-1) / 1000).toFixed(3)} s`);
    }
  }
  return times;
}

/** A result that is the median of the rounds' ratios; `goal` is `{ max }` or `{ min }`. */
export function ratioOf(what, ours, peer, goal, unit = 's') {
  const scale = unit === 's' ? 1000 : 1;
  const ratios = ours.map((value, round) => value / peer[round]);
  const detail = `${(median(ours) / scale).toPrecision(3)} ${unit} to ${(median(peer) / scale).toPrecision(3)} ${unit}`;
  return { what, value: median(ratios), unit: 'x', goal, detail, rounds: { ours, peer, ratios } };
}

/** A result that is a plain figure. */
export function figureOf(what, value, unit, goal, detail = '', rounds = undefined) {
  return { what, value, unit, goal, detail, rounds };
}
