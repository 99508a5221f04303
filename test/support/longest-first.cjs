const { basename } = require('node:path');
const Sequencer = require('@jest/test-sequencer').default;

// Whole processes, killed and started again: minutes each. Begun last, one of them would run alone beside an idle processor.
const LONG = ['kill', 'chaos', 'relay-broker', 'relay-outage', 'relay-kill', 'start', 'worker', 'laws'];

/** The long specs first, in this order; then as jest has it. Which goes first changes nothing but the time of the whole. */
module.exports = class LongestFirst extends Sequencer {
  sort(tests) {
    return [...super.sort(tests)].sort((a, b) => rank(a) - rank(b));
  }
};

function rank({ path }) {
  const at = LONG.indexOf(basename(path, '.spec.ts'));
  return at < 0 ? LONG.length : at;
}
