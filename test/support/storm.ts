import { randomInt, randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Command, type Outcome, send } from './commands';
import { GrpcClient } from './grpc';
import { HttpClient } from './http';
import { best, chance, life, type Sent } from './load';
import type { Service } from './service';

/** So often a client sends again what nobody answered, before it gives up. */
const TRIES = 30;

/** Clients of several replicas, who send again to the next one, under the same key, what nobody answered. */
export class Storm {
  readonly sent: Sent[] = [];
  private left = 0;

  constructor(
    private readonly replicas: readonly Service[],
    private readonly models: readonly string[],
  ) {}

  /** Resolves when so many commands have been sent and answered. */
  async run(commands: number, clients: { http: number; grpc: number }): Promise<void> {
    this.left = commands;
    const doors = [...Array<'http'>(clients.http).fill('http'), ...Array<'grpc'>(clients.grpc).fill('grpc')];
    await Promise.all(doors.map((door, i) => this.client(door, i)));
  }

  private async client(door: 'http' | 'grpc', first: number): Promise<void> {
    const clients = this.replicas.map(({ http, grpc }) => ({
      http: new HttpClient(http),
      grpc: new GrpcClient(grpc),
    }));
    let next = first;
    const attempt = (command: Command, requestId: string) =>
      send(clients[next++ % clients.length]!, door, command, requestId);
    const issue = async (command: Command): Promise<Outcome> => {
      if (this.left-- <= 0) return { kind: 'unknown' };
      const sent: Sent = { command, requestIds: [], outcome: { kind: 'unknown' } };
      this.sent.push(sent);
      for (let tries = 0; sent.outcome.kind === 'unknown' && tries < TRIES; tries++) {
        sent.inDoubt = tries > 0;
        if (tries > 0) await sleep(randomInt(20, 200));
        // Now and then it is impatient, and asks two replicas at once.
        const ids = Array.from({ length: chance(5) ? 2 : 1 }, () => randomUUID());
        sent.requestIds.push(...ids);
        sent.outcome = best(await Promise.all(ids.map((id) => attempt(command, id))));
      }
      return sent.outcome;
    };
    while (this.left > 0) await life(this.models[randomInt(this.models.length)]!, issue);
    for (const one of clients) Object.values(one).forEach((door) => door.close());
  }
}
