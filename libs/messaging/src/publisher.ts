/** A message for one topic. Its key decides the partition: messages of one key keep their order. */
export interface Message {
  readonly topic: string;
  readonly key: string;
  readonly headers: { readonly [name: string]: string };
  /** The body; null is a tombstone. */
  readonly value: Buffer | null;
}

/** Where messages go. At least once: what was rejected may have arrived all the same. */
export interface Publisher {
  /**
   * Resolves when every message has been acknowledged by every replica that must have it; rejects otherwise, with
   * `Refused` where a broker answered and said no.
   */
  publish(messages: readonly Message[]): Promise<void>;
  /** Lets go of the connections; what is under way is rejected. */
  close(): Promise<void>;
}

/** A broker took the send and refused some of it: other topics may do better. */
export class Refused extends Error {
  override readonly name = 'Refused';
}
