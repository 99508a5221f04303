import { Injectable } from '@nestjs/common';
import { collectDefaultMetrics, Counter, Registry } from 'prom-client';

type Tally = {
  readonly door: string;
  readonly route: string;
  readonly status: string;
  count: number;
  ms: number;
};

/** Everything at `/metrics`. Others count with `commands` and `refusals`, or register gauges of their own on `registry`. */
@Injectable()
export class Metrics {
  readonly registry = new Registry();
  /** A command was decided: `outcome` is `changed`, `unchanged`, `replayed`, `refused` or `failed`. */
  readonly commands = new Counter({
    name: 'gatehouse_commands_total',
    help: 'Commands by verb and outcome',
    labelNames: ['verb', 'outcome'] as const,
    registers: [this.registry],
  });
  /** An answer that was not a success, by its public code. */
  readonly refusals = new Counter({
    name: 'gatehouse_refusals_total',
    help: 'Answers that were not a success, by problem code',
    labelNames: ['code'] as const,
    registers: [this.registry],
  });
  /** Somebody was refused for lack of a right. */
  readonly denials = new Counter({
    name: 'gatehouse_denials_total',
    help: 'Refusals for lack of a right, by operation and problem code',
    labelNames: ['operation', 'code'] as const,
    registers: [this.registry],
  });
  private readonly tallies = new Map<string, Tally>();

  constructor() {
    collectDefaultMetrics({ register: this.registry });
    const labelNames = ['door', 'route', 'status'] as const;
    const tallies = this.tallies;
    const settle = (counter: Counter<(typeof labelNames)[number]>, of: (tally: Tally) => number) => {
      counter.reset();
      for (const tally of tallies.values())
        counter.inc({ door: tally.door, route: tally.route, status: tally.status }, of(tally));
    };
    new Counter({
      name: 'gatehouse_requests_total',
      help: 'Requests by door, route and status',
      labelNames,
      registers: [this.registry],
      collect() {
        settle(this, (tally) => tally.count);
      },
    });
    new Counter({
      name: 'gatehouse_request_seconds_total',
      help: 'Time spent on requests, by door, route and status',
      labelNames,
      registers: [this.registry],
      collect() {
        settle(this, (tally) => tally.ms / 1000);
      },
    });
  }

  /** Counts a request. Plain arithmetic: a prom-client counter with labels costs more than the live look-up itself. */
  request(door: 'http' | 'grpc', route: string, status: string | number, ms: number): void {
    const key = `${door} ${status} ${route}`;
    let tally = this.tallies.get(key);
    if (tally === undefined) {
      tally = { door, route, status: String(status), count: 0, ms: 0 };
      this.tallies.set(key, tally);
    }
    tally.count += 1;
    tally.ms += ms;
  }
}
