import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { startService } from '../test/support/service';
import { besideTheDemo } from './consumers/beside';
import { GatehouseClient, type Live } from './import/client';
import { drive } from './import/drive';
import { progress } from './import/progress';
import { readReleases } from './import/releases';
import { type Report, print, report } from './import/report';

const USAGE = 'npm run demo [-- FILE] [--json FILE] [--exit] [--data DIR] [--kafka]';

/** Runs the service on a data folder of its own, takes a history of releases through it over HTTP, and shows what came of it. */
async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      json: { type: 'string' },
      exit: { type: 'boolean' },
      kafka: { type: 'boolean' },
      data: { type: 'string', default: join(__dirname, '../.demo') },
    },
  });
  if (positionals.length > 1) throw new Error(`one file at a time: ${USAGE}`);
  const releases = await readReleases(positionals[0] ?? join(__dirname, 'spacy-releases.ndjson'));

  await mkdir(values.data, { recursive: true });
  const teams = values.kafka ? await besideTheDemo() : undefined;
  const service = await startService({ GATEHOUSE_DATA: values.data, ...teams?.settings });
  const stop = () => void service.stop();
  process.once('SIGINT', stop).once('SIGTERM', stop);
  console.log(`Gatehouse runs at ${service.http} (gRPC ${service.grpc}), its data is in ${values.data}\n`);
  try {
    const key = await readKey(values.data);
    const api = new GatehouseClient(service.http, key);
    await teams?.listen(service.http, key);
    const result = await run(api, releases);
    if (values.json !== undefined) await writeFile(values.json, `${JSON.stringify(result, null, 2)}\n`);
    console.log(`\n${print(result)}`);
    if (teams) console.log(`\n${await teams.summary(service.http, key)}`);
    teams?.follow();
    if (!values.exit) console.log(`\n${await thingsToTry(api, result, values.data)}`);
    if (values.exit) await service.stop();
    const { code } = await service.ended;
    process.exitCode = code ?? 1;
  } finally {
    if (service.running()) await service.stop();
    await teams?.stop();
  }
}

/** What the first start on this folder has left for us. */
async function readKey(data: string): Promise<string> {
  return (await readFile(join(data, 'admin.key'), 'utf8')).trim();
}

async function run(
  api: GatehouseClient,
  releases: Awaited<ReturnType<typeof readReleases>>,
): Promise<Report> {
  const { position } = await api.get<{ position: string }>('/v1/log');
  const began = performance.now();
  const outcome = await drive(api, releases, progress(releases.length, process.stdout));
  return report(api, outcome, position, (performance.now() - began) / 1000);
}

/** Calls on a model that has something to show: a release held back, and a version to roll back to. */
async function thingsToTry(api: GatehouseClient, { models, held }: Report, data: string): Promise<string> {
  // The admin holds every role.
  const curl = `curl -s -H "Authorization: Bearer $(cat ${join(data, 'admin.key')})"`;
  for (const { model, label } of held.toReversed()) {
    const { current, rollbackTarget } = await api.get<Live>(`/v1/models/${model}/live`);
    if (current === null || rollbackTarget === null) continue;
    const url = `${api.address}/v1/models/${model}`;
    const body = JSON.stringify({ from: current.version, reason: 'accuracy-regression' });
    return [
      'Three things to try (Ctrl-C ends the service):',
      `  what is live, and since when\n    ${curl} ${url}/live`,
      `  why ${label} was held back\n    ${curl} '${url}/versions?label=${label}'`,
      `  go back to ${rollbackTarget.label}\n    ${curl} ${url}/rollback -H 'Content-Type: application/json' -d '${body}'`,
    ].join('\n');
  }
  const url = `${api.address}/v1/models/${models[0]?.model}`;
  return [
    'Three things to try (Ctrl-C ends the service):',
    `  all models\n    ${curl} ${api.address}/v1/models`,
    `  what is live\n    ${curl} ${url}/live`,
    `  everything that happened\n    ${curl} ${url}/history`,
  ].join('\n');
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});
