import { join } from 'node:path';
import { consumerOf, TEAMS } from './teams';

const USAGE = `npm run consumer -- ${TEAMS.join(' | ')}`;

/** Prints what a team reads, from where it was, until it is stopped. */
async function main(): Promise<void> {
  const team = TEAMS.find((one) => one === process.argv[2]);
  if (team === undefined) throw new Error(`which team? ${USAGE}`);
  const brokers = (process.env['KAFKA_BROKERS'] ?? '127.0.0.1:9092').split(',');
  const prefix = process.env['GATEHOUSE_KAFKA_PREFIX'] ?? 'gatehouse';
  const folder = join(__dirname, '../../.consumers', prefix);
  const consuming = await consumerOf(team, { brokers, prefix, folder }, (lines) =>
    console.log(`${lines.join('\n')}\n`),
  );
  console.error(`${team} reads ${prefix}.${team}.v1 at ${brokers.join(', ')}; Ctrl-C ends it`);
  const stop = async () => {
    await consuming.stop();
    const { told, duplicates, late, unknown } = consuming.counts();
    console.error(`${told} told, ${duplicates} came again, ${late} came late, ${unknown} unknown`);
  };
  process.once('SIGINT', () => void stop()).once('SIGTERM', () => void stop());
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});
