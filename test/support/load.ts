import { randomInt, randomUUID } from 'node:crypto';
import {
  type Command,
  decide,
  deprecate,
  evaluate,
  type Outcome,
  promote,
  register,
  rollBack,
  send,
} from './commands';
import { GrpcClient } from './grpc';
import { HttpClient } from './http';
import type { Service } from './service';

/** A command that was sent: under which request ids, and what is known of it. */
export type Sent = {
  readonly command: Command;
  readonly requestIds: string[];
  outcome: Outcome;
  /** It was sent again while who had it first may still have been at work on it. */
  inDoubt?: boolean;
};

export const MODELS = Array.from({ length: 6 }, (_, i) => `model-${i}`);

/** True that often. */
export const chance = (percent: number) => randomInt(100) < percent;

/** Some writers who take versions of the same few models through their whole lives, until the service is gone. */
export class Load {
  readonly sent: Sent[] = [];

  /** Resolves when every writer has lost its connection: then each command's outcome is what it is. */
  async run(service: Service, writers: { http: number; grpc: number }): Promise<void> {
    const doors = [...Array<'http'>(writers.http).fill('http'), ...Array<'grpc'>(writers.grpc).fill('grpc')];
    await Promise.all(doors.map((door) => this.writer(service, door)));
  }

  /** Sends again, under the same key, what nobody knows the outcome of. */
  async settle(service: Service): Promise<void> {
    const clients = { http: new HttpClient(service.http), grpc: new GrpcClient(service.grpc) };
    for (const sent of this.sent.filter((s) => s.outcome.kind === 'unknown')) {
      const requestId = randomUUID();
      sent.requestIds.push(requestId);
      sent.outcome = await send(clients, 'http', sent.command, requestId);
    }
    clients.http.close();
    clients.grpc.close();
  }

  private async writer(service: Service, door: 'http' | 'grpc'): Promise<void> {
    const clients = { http: new HttpClient(service.http), grpc: new GrpcClient(service.grpc) };
    const issue = async (command: Command): Promise<Outcome> => {
      // Now and then the client is impatient and sends the same command twice at once.
      const requestIds = Array.from({ length: chance(10) ? 2 : 1 }, () => randomUUID());
      const sent: Sent = { command, requestIds, outcome: { kind: 'unknown' } };
      this.sent.push(sent);
      const outcomes = await Promise.all(requestIds.map((id) => send(clients, door, command, id)));
      return (sent.outcome = best(outcomes));
    };
    let alive = true;
    while (alive) alive = await life(MODELS[randomInt(MODELS.length)]!, issue);
    clients.http.close();
    clients.grpc.close();
  }
}

/** One version's life, step by step; false when a step was not answered. */
export async function life(model: string, issue: (command: Command) => Promise<Outcome>): Promise<boolean> {
  const registered = await issue(register(model));
  if (registered.kind !== 'recorded') return registered.kind !== 'unknown';
  const version = registered.version;
  const steps = [
    evaluate(model, version),
    // Nobody has approved it yet: refused.
    ...(chance(20) ? [promote(model, version)] : []),
    ...(chance(10) ? [decide(model, version, 'reject')] : []),
    decide(model, version, 'approve'),
    promote(model, version),
    ...(chance(30) ? [rollBack(model, version)] : []),
    ...(chance(30) && version > 20 ? [deprecate(model, version - 20)] : []),
  ];
  for (const step of steps) if ((await issue(step)).kind === 'unknown') return false;
  return true;
}

/** Of the answers to one command sent twice, the one that says most. */
export function best(outcomes: readonly Outcome[]): Outcome {
  return (
    outcomes.find((o) => o.kind === 'recorded') ?? outcomes.find((o) => o.kind === 'unknown') ?? outcomes[0]!
  );
}
