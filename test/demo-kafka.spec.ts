import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Report } from '../examples/import/report';

const DEMO = ['--require', join(__dirname, 'support/typescript.cjs'), join(__dirname, '../examples/demo.ts')];

describe('the demo with --kafka', () => {
  const folder = mkdtempSync(join(tmpdir(), 'gatehouse-demo-kafka-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it('shows beside itself what each team read: as many messages as there were moves, and the last one', async () => {
    const [part, json] = [join(folder, 'part.ndjson'), join(folder, 'report.json')];
    const lines = readFileSync(join(__dirname, '../examples/spacy-releases.ndjson'), 'utf8').split('\n');
    writeFileSync(part, lines.slice(0, 120).join('\n'));
    const { stdout } = await promisify(execFile)(
      process.execPath,
      [...DEMO, part, '--kafka', '--exit', '--json', json, '--data', join(folder, 'data')],
      // A broker of its own: what is in another one is of another log.
      { env: { ...process.env, NODE_OPTIONS: '', KAFKA_BROKERS: '' } },
    );
    const { totals, models, held } = JSON.parse(readFileSync(json, 'utf8')) as Report;
    const moves = totals.promoted + models.reduce((sum, { deprecated }) => sum + deprecated, 0);
    expect(moves).toBeGreaterThan(10);
    expect(held.length).toBeGreaterThan(0);
    expect(stdout).toContain(`  data-science: ${moves + held.length} messages, the last one\n    `);
    expect(stdout).toMatch(
      new RegExp(`  engineering: ${moves} messages, the last one\n    .+: (run .+|.+ ends on)`),
    );
    expect(stdout).toMatch(
      new RegExp(`  product: ${moves} messages, the last one\n    .+: version \\d+ .+ (is live|ends on)`),
    );
  }, 180_000);
});
