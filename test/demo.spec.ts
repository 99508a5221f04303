import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Report } from '../examples/import/report';

const FILE = join(__dirname, '../examples/spacy-releases.ndjson');
const DEMO = [
  '--require',
  join(__dirname, 'support/typescript.cjs'),
  join(__dirname, '../examples/demo.ts'),
  '--exit',
];

type Release = { model: string; version: string; metrics: Record<string, number> };
type Expected = {
  live: Record<string, string>;
  held: Record<string, { live: string; metrics: string[] }>;
  unjudged: string[];
  deprecated: Record<string, number>;
  promoted: number;
};

/** The rules of the demo once more, on their own: what must be live, held back and not judged. */
function expected(releases: readonly Release[]): Expected {
  const went = new Map<string, Release[]>();
  const result: Expected = { live: {}, held: {}, unjudged: [], deprecated: {}, promoted: 0 };
  for (const release of releases) {
    const { model, version, metrics } = release;
    const old = major(version) < 3;
    const judged = (
      old ? ['ents_f', 'las', 'uas', 'tags_acc'] : ['ents_f', 'dep_las', 'dep_uas', 'tag_acc']
    ).filter((m) => m in metrics);
    const before = went.get(model) ?? [];
    const live = before.at(-1);
    const comparable = live !== undefined && major(live.version) < 3 === old ? live : undefined;
    const worse = judged.filter(
      (m) =>
        comparable &&
        m in comparable.metrics &&
        exact(comparable.metrics[m]!) - exact(metrics[m]!) > exact(old ? 1 : 0.01),
    );
    if (judged.length === 0) result.unjudged.push(`${model} ${version}`);
    else if (worse.length > 0)
      result.held[`${model} ${version}`] = { live: comparable!.version, metrics: worse.sort() };
    else if (!version.includes('a')) went.set(model, [...before, release]);
  }
  for (const [model, releases] of went) {
    result.live[model] = releases.at(-1)!.version;
    result.promoted += releases.length;
    result.deprecated[model] = Math.max(0, releases.length - 2);
  }
  return result;
}

const major = (version: string) => Number(version.split('.')[0]);

/** A number in units of 10^-30, from its shortest decimal form: no binary rounding. */
function exact(value: number): bigint {
  const [digits, exponent = '0'] = String(value).split('e');
  const [whole, fraction = ''] = digits!.split('.');
  return BigInt(whole! + fraction) * 10n ** BigInt(30 + Number(exponent) - fraction.length);
}

describe('the demo, on the real history of 52 models', () => {
  const folder = mkdtempSync(join(tmpdir(), 'gatehouse-demo-'));
  const lines = readFileSync(FILE, 'utf8').trim().split('\n');
  const releases = lines.map((line) => JSON.parse(line) as Release);
  const want = expected(releases);
  let stopped: Report;
  let first: Report;
  let second: Report & { said: string };

  const run = async (file: string) => {
    const json = join(folder, 'report.json');
    const { stdout } = await promisify(execFile)(
      process.execPath,
      [...DEMO, file, '--json', json, '--data', join(folder, 'data')],
      {
        maxBuffer: 1 << 26,
        env: { ...process.env, NODE_OPTIONS: '' },
      },
    );
    return { ...(JSON.parse(readFileSync(json, 'utf8')) as Report), said: stdout };
  };

  beforeAll(async () => {
    const part = join(folder, 'part.ndjson');
    writeFileSync(part, lines.slice(0, 300).join('\n'));
    stopped = await run(part);
    first = await run(FILE);
    second = await run(FILE);
  }, 240_000);
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it('covers every release of every model', () => {
    expect(first.totals).toMatchObject({ models: 52, versions: 661 });
  });

  it('ends with the version live that the rules say, model by model', () => {
    expect(first.live).toEqual(want.live);
    expect(first.totals.promoted).toBe(want.promoted);
  });

  it('holds back exactly the releases that lost more than a point against what was live, and names the metrics', () => {
    const held = first.held.map(({ model, label, live, rules }) => [
      `${model} ${label}`,
      { live, metrics: rules.map((r) => r.metric).sort() },
    ]);
    expect(Object.fromEntries(held)).toEqual(want.held);
    expect(first.totals.held).toBe(held.length);
  });

  it('shows with every bound that failed the two values and their exact difference', () => {
    for (const { live, value, delta } of first.held.flatMap((held) => held.rules))
      expect(exact(value!) - exact(live!)).toBe(exact(delta!));
  });

  it('judges nothing without a bound', () => {
    expect(first.unjudged.map(({ model, label }) => `${model} ${label}`).sort()).toEqual(
      want.unjudged.sort(),
    );
  });

  it('deprecates what was live once, but never the live version or the one to roll back to', () => {
    const deprecated = first.models
      .filter((row) => row.live !== null)
      .map((row) => [row.model, row.deprecated]);
    expect(Object.fromEntries(deprecated)).toEqual(want.deprecated);
    expect(first.models.filter((row) => row.live === null && row.deprecated > 0)).toEqual([]);
  });

  it('goes on where an earlier run stopped', () => {
    expect(first.totals.appended).toBe(first.totals.events - stopped.totals.events);
    expect(first.totals.appended).toBeGreaterThan(0);
  });

  it('appends nothing in a second run, says so, and reports the same', () => {
    expect(second.totals).toMatchObject({ appended: 0, events: first.totals.events });
    expect(second.said).toContain('Nothing was appended');
    const { models, live, held, unjudged } = second;
    expect({ models, live, held, unjudged }).toEqual({
      models: first.models,
      live: first.live,
      held: first.held,
      unjudged: first.unjudged,
    });
  });
});
