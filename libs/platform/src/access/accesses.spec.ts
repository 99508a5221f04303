import type { EventStore, Recorded } from '@gatehouse/eventsourcing';
import { setTimeout as pause } from 'node:timers/promises';
import { EdgeProblem } from '../edge-problem';
import { Accesses } from './accesses';
import { AccessLog, ACTOR } from './testing/access-log';

/** A log that another replica writes to, and that falls silent when the test says so. */
class OtherReplica {
  private readonly log = new AccessLog();
  silent: 'no' | 'fails' | 'hangs' | 'slow' = 'no';
  /** Lets a slow log answer. */
  answer = () => undefined as void;
  readonly clock = { now: 0 };
  readonly accesses: Accesses;

  constructor() {
    const read = (stream: string, from?: bigint) => this.read(stream, from);
    // What Accesses uses of a store.
    this.accesses = new Accesses({ read } as unknown as EventStore);
    this.accesses.now = () => this.clock.now;
  }

  append(type: string, data: Record<string, unknown>): Promise<void> {
    return this.log.append(type, data);
  }

  private async *read(stream: string, from?: bigint): AsyncGenerator<Recorded, void> {
    if (this.silent === 'fails') throw new Error('the log is gone');
    if (this.silent === 'hangs') await new Promise(() => undefined);
    if (this.silent === 'slow') await new Promise<void>((resolve) => (this.answer = resolve));
    yield* this.log.store.read(stream, from);
  }

  /** What a read sees of the key. */
  async revokedAt(): Promise<string | null> {
    const { state } = await this.accesses.recent('t');
    return state.keys.get('k1')!.revokedAt;
  }
}

async function withKey(): Promise<OtherReplica> {
  const replica = new OtherReplica();
  await replica.append('access.KeyIssued', { key: 'k1', actor: ACTOR, roles: [], hash: 'x' });
  expect(await replica.revokedAt()).toBeNull();
  return replica;
}

it('a key that another replica revoked is refused within 5 s, and at once to whoever writes', async () => {
  const replica = await withKey();
  await replica.append('access.KeyRevoked', { key: 'k1' });
  replica.clock.now = 4_999;
  expect(await replica.revokedAt()).not.toBeNull();

  const other = await withKey();
  await other.append('access.KeyRevoked', { key: 'k1' });
  const { state } = await other.accesses.newest('t');
  expect(state.keys.get('k1')!.revokedAt).not.toBeNull();
});

it('who came before the log was asked need not ask it again, and who came after it must', async () => {
  const replica = await withKey();
  const revokedAt = async (cameAt: number) =>
    (await replica.accesses.since('t', cameAt)).state.keys.get('k1')!.revokedAt;
  replica.clock.now = 10;
  await replica.accesses.newest('t');
  await replica.append('access.KeyRevoked', { key: 'k1' });
  expect(await revokedAt(10)).toBeNull();
  expect(await revokedAt(11)).not.toBeNull();
});

it('what is known is told at once, and read again behind it', async () => {
  const replica = await withKey();
  await replica.append('access.KeyRevoked', { key: 'k1' });
  replica.clock.now = 2_000;
  expect(replica.accesses.known('t')!.state.keys.get('k1')!.revokedAt).toBeNull();
  await pause(20);
  expect(replica.accesses.known('t')!.state.keys.get('k1')!.revokedAt).not.toBeNull();
});

it.each(['fails', 'hangs'] as const)(
  'a log that %s is borne for 15 s; then nobody is known, until it answers again',
  async (silent) => {
    const replica = await withKey();
    replica.silent = silent;
    replica.clock.now = 14_999;
    expect(await replica.revokedAt()).toBeNull();
    replica.clock.now = 15_001;
    const refusal = await replica.revokedAt().catch((error: unknown) => error);
    expect(refusal).toBeInstanceOf(EdgeProblem);
    expect((refusal as EdgeProblem).code).toBe('access-stale');
    if (silent === 'hangs') return;
    replica.silent = 'no';
    expect(await replica.revokedAt()).toBeNull();
  },
);

it('what took long to get here is as old as the question was', async () => {
  const replica = await withKey();
  replica.clock.now = 20_000;
  replica.silent = 'slow';
  const read = replica.revokedAt();
  await pause(10);
  replica.clock.now = 30_000;
  replica.answer();
  expect(await read).toBeNull();
  replica.silent = 'fails';
  replica.clock.now = 34_999;
  expect(await replica.revokedAt()).toBeNull();
  replica.clock.now = 35_001;
  await expect(replica.revokedAt()).rejects.toMatchObject({ code: 'access-stale' });
});

it('names that are nobody’s are not kept', async () => {
  const replica = await withKey();
  expect((await replica.accesses.newest('nobody')).revision).toBe(-1n);
  expect(replica.accesses.known('nobody')).toBeUndefined();
});
