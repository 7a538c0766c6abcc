const { default: Sequencer } = require('@jest/test-sequencer');

/** Suites that take minutes although their files are small, which is what Jest goes by when it has no times yet. */
const LONG = ['batch-kill', 'background-model', 'staging-database'];

/** Suites that need all cores for themselves, since they run many processes: beside them a browser would be too slow. */
const LAST = /\/cluster-(faults|life|same)\.e2e-spec/;

/**
 * Begins with what takes longest: otherwise one long suite would run alone at the end, with a core idle. Ends with those that
 * need more than one core each.
 */
module.exports = class LongFirstSequencer extends Sequencer {
  sort(tests) {
    const isLong = ({ path }) => LONG.some((name) => path.includes(`/${name}.e2e-spec`));
    const isLast = ({ path }) => LAST.test(path);
    const sorted = super.sort(tests);
    const others = sorted.filter((test) => !isLong(test) && !isLast(test));
    return [...sorted.filter(isLong), ...others, ...sorted.filter(isLast)];
  }
};
