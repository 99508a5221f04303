import { type ChildProcess, fork } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { account } from './support/account';
import { foldPointer, numbersOf } from './support/fold';
import { type Event, HttpClient, type Live } from './support/http';
import { Load, MODELS, type Sent } from './support/load';
import type { Seen } from './support/pointer-reader';
import { scaled } from './support/scale';
import { type Service, startService } from './support/service';

const KILLS = scaled(100);
const EVENTS_A_KILL = 15;
const READER = join(__dirname, 'support/pointer-reader.ts');
const TYPESCRIPT = ['--require', join(__dirname, 'support/typescript.cjs')];

describe(`${KILLS} times kill -9 in the middle of mixed load`, () => {
  const folder = mkdtempSync(join(tmpdir(), 'gatehouse-kill-'));
  const pointers = join(folder, 'pointers');
  const log: Event[] = [];
  const sent: Sent[] = [];
  const restarts: number[] = [];
  let service: Service;
  let http: HttpClient;
  let seen: Seen;
  let reader: ChildProcess;

  const start = async () => {
    service = await startService({ GATEHOUSE_DATA: join(folder, 'data'), GATEHOUSE_POINTER_DIR: pointers });
    http = new HttpClient(service.http);
    restarts.push(service.startedInMs);
  };
  const readLog = async () =>
    log.push(...(await http.events(log.at(-1)?.position ?? '0', { tenant: 'acme' })));

  const explainPointers = async () => {
    for (const model of MODELS) {
      const folded = foldPointer(log.filter((event) => event.model === model));
      const call = { tenant: 'acme' };
      const { status, body } = await http.getCaughtUp<Live>(`/v1/models/${model}/live`, call);
      if (status === 404 && folded.revision === 0) continue;
      expect(numbersOf(body)).toEqual(folded);
      if (folded.revision > 0)
        await caughtUp(
          model,
          (await http.get<{ revision: number }>(`/v1/models/${model}/active_version.json`, call)).body,
        );
    }
  };
  /** The file of a model, or null as long as there is none. */
  const pointerFile = (model: string): { revision: number } | null => {
    const file = join(pointers, 'acme', model, 'active_version.json');
    return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as { revision: number }) : null;
  };
  const caughtUp = async (model: string, answered: { revision: number }) => {
    for (const end = Date.now() + 60_000; pointerFile(model)?.revision !== answered.revision; await sleep(5))
      if (Date.now() > end) break;
    expect(pointerFile(model)).toEqual(answered);
  };

  /** `due`: so many events there are to be before the kill. */
  const round = async (due: number) => {
    const load = new Load();
    const running = load.run(service, { http: 6, grpc: 2 });
    await sleep(randomInt(20, 500));
    // On a slow machine it takes longer until there is so much to lose.
    const recorded = () => load.sent.filter(({ outcome }) => outcome.kind === 'recorded').length;
    for (const end = Date.now() + 60_000; log.length + recorded() < due && Date.now() < end;) await sleep(5);
    await service.kill();
    await running;
    http.close();

    await start();
    const from = log.length;
    await readLog();
    account(load.sent, log.slice(from));
    const lost = new Set(load.sent.filter((s) => s.outcome.kind === 'unknown'));
    const landed = new Map(log.slice(from).map((event) => [event.correlation, event]));
    await load.settle(service);
    for (const s of lost) {
      const event = s.requestIds.map((id) => landed.get(id)).find((e) => e !== undefined);
      if (event !== undefined)
        expect(s.outcome).toMatchObject({
          kind: 'recorded',
          id: event.id,
          position: event.position,
          replayed: true,
        });
      else if (s.outcome.kind === 'recorded') expect(s.outcome.replayed).toBe(false);
      else expect(s.outcome.kind).toBe('nothing');
    }
    await readLog();
    account(load.sent, log.slice(from));
    await explainPointers();
    sent.push(...load.sent);
  };

  beforeAll(async () => {
    reader = fork(READER, [join(pointers, 'acme')], {
      execArgv: TYPESCRIPT,
      env: { ...process.env, NODE_OPTIONS: '' },
    });
    await start();
    // Opens the tenant and makes the first key of it, whose secret is told once.
    await readLog();
    for (let i = 1; i <= KILLS; i++) await round(i * EVENTS_A_KILL);
    const report = once(reader, 'message') as Promise<[Seen]>;
    reader.send('stop');
    [seen] = await report;
  }, 2_700_000);
  afterAll(async () => {
    reader.kill();
    http.close();
    await service.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  it('keeps every acknowledged command exactly once, and answers what was in doubt when it is sent again', () => {
    // Each round has reconciled its own; here, that there was something to reconcile.
    const recorded = sent.filter((s) => s.outcome.kind === 'recorded');
    expect(recorded).toHaveLength(log.length);
    expect(new Set(log.map((event) => event.id)).size).toBe(log.length);
    expect(log.length).toBeGreaterThanOrEqual(KILLS * (EVENTS_A_KILL - 5));
    console.log(
      `${KILLS} kills, ${sent.length} commands, ${log.length} events, slowest restart ${Math.round(Math.max(...restarts))} ms`,
    );
  });

  it('saw every verb, both doors and refusals under that load', () => {
    const types = ['Registered', 'Evaluated', 'Approved', 'Rejected', 'Promoted', 'RolledBack', 'Deprecated'];
    const found = new Set(log.map((event) => event.type));
    expect(sent.some((s) => s.outcome.kind === 'nothing' && s.outcome.code === 'not-approved')).toBe(true);
    if (KILLS >= 20) expect([...found].sort()).toEqual(types.map((type) => `model.${type}`).sort());
  });

  it('never changes what it has stored: the log read once more from the start is the same', async () => {
    expect(await http.events('0', { tenant: 'acme' })).toEqual(log);
  });

  it('numbers each stream without gaps, and positions strictly upwards', () => {
    const next = new Map<string, number>();
    for (const { stream, revision } of log) {
      expect(Number(revision)).toBe(next.get(stream) ?? 0);
      next.set(stream, Number(revision) + 1);
    }
    const positions = log.map((event) => BigInt(event.position));
    expect(positions.every((position, i) => i === 0 || position > positions[i - 1]!)).toBe(true);
  });

  it('never shows a reader of the pointer files one that is missing, torn or older than before', () => {
    expect(seen.faults).toEqual([]);
    expect(seen.moves).toBeGreaterThan(KILLS);
  });
});
