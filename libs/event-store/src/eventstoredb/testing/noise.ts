import { Random } from '../../sqlite/testing/random';
import type { InjectedEvent } from './injected';

export interface OtherEvent {
  readonly stream: string;
  readonly event: InjectedEvent;
  /** Bytes of records that are no events, in front of it. */
  readonly gap: number;
}

/** What others write into the same store. A seed makes it the same every time. */
export class Noise {
  private readonly random: Random;

  constructor(
    private readonly share: number,
    seed: number,
  ) {
    this.random = new Random(seed);
  }

  /** Somebody else's event that goes in front of the next append, or nothing. */
  next(): OtherEvent | undefined {
    if (this.random.below(1_000_000) >= this.share * 1_000_000) return undefined;
    const gap = this.random.pick([0, 0, 37, 200]);
    return { gap, ...this.random.pick(OTHERS)(this.random.below(50)) };
  }
}

const OTHERS: readonly ((n: number) => Omit<OtherEvent, 'gap'>)[] = [
  (n) => ({ stream: `order-${n}`, event: { type: 'OrderPlaced', data: { n } } }),
  (n) => ({ stream: `picture-${n}`, event: { type: 'Uploaded', data: Buffer.from([0, 255, n]) } }),
  () => ({ stream: '$stats-127.0.0.1:2113', event: { type: '$statsCollected', data: { es: {} } } }),
  (n) => ({ stream: '$ce-order', event: { type: '$>', data: Buffer.from(`0@order-${n}`) } }),
];
