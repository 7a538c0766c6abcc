const { default: Sequencer } = require('@jest/test-sequencer');

/** Suites that take minutes although their files are small, which is what Jest goes by when it has no times yet. */
const LONG = ['batch-kill', 'background-model', 'staging-database'];

/** Begins with what takes longest: otherwise one long suite would run alone at the end, with a core idle. */
module.exports = class LongFirstSequencer extends Sequencer {
  sort(tests) {
    const isLong = ({ path }) => LONG.some((name) => path.includes(`/${name}.e2e-spec`));
    const sorted = super.sort(tests);
    return [...sorted.filter(isLong), ...sorted.filter((test) => !isLong(test))];
  }
};
