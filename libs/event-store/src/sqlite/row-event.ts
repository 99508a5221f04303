import type { JsonObject, Recorded } from '@gatehouse/eventsourcing';

/** A row of `events` as it is read. The texts are null where they are too large for a page. */
export type Row = [
  position: bigint,
  stream: string,
  revision: bigint,
  id: string,
  type: string,
  meta: string | null,
  data: string | null,
];

export type Texts = [meta: string, data: string];

/**
 * An event that parses its JSON when it is first asked for it. Parsing is more than half of what reading the log
 * costs, and most readers want a part only. The getters are the prototype's: read `data` and `meta` by name, a
 * spread of the object does not have them.
 */
export class RowEvent implements Recorded {
  readonly position: bigint;
  readonly stream: string;
  readonly revision: bigint;
  readonly id: string;
  readonly type: string;
  #metaText: string;
  #dataText: string;
  #meta: JsonObject | undefined;
  #data: JsonObject | undefined;

  constructor(row: Row, texts: Texts) {
    this.position = row[0];
    this.stream = row[1];
    this.revision = row[2];
    this.id = row[3];
    this.type = row[4];
    this.#metaText = texts[0];
    this.#dataText = texts[1];
  }

  get meta(): JsonObject {
    if (this.#meta === undefined) {
      this.#meta = JSON.parse(this.#metaText) as JsonObject;
      this.#metaText = '';
    }
    return this.#meta;
  }

  get data(): JsonObject {
    if (this.#data === undefined) {
      this.#data = JSON.parse(this.#dataText) as JsonObject;
      this.#dataText = '';
    }
    return this.#data;
  }
}
