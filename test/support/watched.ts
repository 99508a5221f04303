import { setTimeout as sleep } from 'node:timers/promises';
import type { Worker } from './service';

const WITHIN_MS = 180_000;
const EVERY_MS = 20;

/** What a process says of the fan-out. */
type Fanning = { active: boolean; position: bigint | null; state: string | undefined };

/** Processes that relay or would, as whoever watches them from outside sees them: `/metrics` and `/readyz`. */
export class Watched {
  constructor(private readonly workers: readonly Worker[]) {}

  /** Which of two relays, and is past a position. One that has yet to join may take over before the other has come that far. */
  async roles(past = -1n): Promise<{ active: Worker; standby: Worker }> {
    const at = await this.until(`one relays past ${past}`, async () => {
      const all = await Promise.all(this.workers.map(fanning));
      const [first, second] = all.flatMap(({ active, position }, i) =>
        active ? [{ i, position: position ?? 0n }] : [],
      );
      return first && !second && first.position > past ? first.i : undefined;
    });
    return { active: this.workers[at]!, standby: this.workers[1 - at]! };
  }

  async position(worker: Worker): Promise<bigint> {
    return (await fanning(worker)).position ?? 0n;
  }

  /** Resolves when a worker relays and is past a position. */
  async passed(worker: Worker, position: bigint, withinMs = WITHIN_MS): Promise<void> {
    const passes = async () => {
      const { active, position: at } = await fanning(worker);
      return (active && (at ?? 0n) > position) || undefined;
    };
    await this.until(`relays past ${position}`, passes, withinMs);
  }

  /** Resolves when all of the log up to here has been delivered to every channel. */
  async deliveredTo(position: bigint): Promise<void> {
    await this.until(`all is delivered up to ${position}`, async () => {
      const all = await Promise.all(this.workers.map(fanning));
      return all.some((one) => one.state === 'live' && (one.position ?? 0n) >= position) || undefined;
    });
  }

  private async until<T>(what: string, look: () => Promise<T | undefined>, withinMs = WITHIN_MS): Promise<T> {
    for (const end = Date.now() + withinMs; ; await sleep(EVERY_MS)) {
      const found = await look();
      if (found !== undefined) return found;
      if (Date.now() > end)
        throw new Error(
          `not within ${withinMs} ms: ${what}\n${this.workers.map(({ output }) => output()).join('\n')}`,
        );
    }
  }
}

/** Of its channels the one that is furthest behind. */
async function fanning({ http }: Worker): Promise<Fanning> {
  const [metrics, ready] = await Promise.all([
    fetch(`${http}/metrics`).then((answer) => answer.text()),
    fetch(`${http}/readyz`).then((answer) => answer.json() as Promise<Ready>),
  ]);
  const { channels = [] } = ready;
  const positions = channels.map(({ position }) => (position === null ? null : BigInt(position)));
  const last = positions.reduce(
    (least, one) => (least === null || one === null ? null : one < least ? one : least),
    positions[0] ?? null,
  );
  return {
    active: /^gatehouse_relay_active 1$/m.test(metrics),
    position: last,
    state: channels.every(({ state }) => state === 'live') ? 'live' : channels[0]?.state,
  };
}

type Ready = { channels?: { position: string | null; state: string }[] };
