import 'tsconfig-paths/register'; // our libraries by the names that tsconfig.json gives them
import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Bench, FULL, QUICK } from './bench';
import { isMet, ratioOf, tableOf } from './figures';
import { cluster } from './sections/cluster';
import { commands } from './sections/commands';
import { credentials } from './sections/credentials';
import { largeLog } from './sections/large-log';
import { lookups } from './sections/lookups';
import { policies } from './sections/policies';
import { relay } from './sections/relay';
import { versions } from './sections/versions';
import { visible } from './sections/visible';

const SECTIONS = {
  lookups,
  credentials,
  commands,
  policies,
  visible,
  versions,
  'large-log': largeLog,
  relay,
  cluster,
};
const RESULTS = join(__dirname, 'results');

/** `npm run bench [-- --quick] [-- --only lookups]`: everything against raw baselines on this machine, in one run. */
async function main(): Promise<void> {
  const { values } = parseArgs({ options: { quick: { type: 'boolean' }, only: { type: 'string' } } });
  const bench = new Bench(values.quick ? QUICK : FULL);
  const began = performance.now();
  for (const [name, section] of Object.entries(SECTIONS)) {
    if (values.only !== undefined && values.only !== name) continue;
    console.error(`${name} …`);
    await section(bench);
  }
  bench.close();
  const seconds = Math.round((performance.now() - began) / 1_000);
  const [cpu] = cpus();
  const machine = { cpu: cpu?.model, cores: cpus().length, node: process.version };
  const figures = bench.figures.map((figure) => ({ ...figure, ratio: ratioOf(figure), met: isMet(figure) }));
  mkdirSync(RESULTS, { recursive: true });
  const file = join(
    RESULTS,
    `${new Date().toISOString().replace(/[:.]/g, '-')}${values.quick ? '-quick' : ''}.json`,
  );
  writeFileSync(
    file,
    `${JSON.stringify({ machine, quick: values.quick ?? false, seconds, figures }, null, 2)}\n`,
  );
  console.log(tableOf(bench.figures));
  console.log(
    `\n${machine.cores} cores (${machine.cpu}), Node ${machine.node}: the generator has one of them, the service or the baseline the rest.`,
  );
  console.log(`${seconds} s; the same as data in ${file}`);
}

main().catch((error: unknown) => {
  console.error(error);
  process.exit(1);
});
