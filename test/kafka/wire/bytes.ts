// The primitive types of the Kafka protocol, as far as our brokers speak it.

/** Reads from the front of a buffer. */
export class Reading {
  private at = 0;
  constructor(private readonly bytes: Buffer) {}

  int8 = () => this.bytes.readInt8((this.at += 1) - 1);
  int16 = () => this.bytes.readInt16BE((this.at += 2) - 2);
  int32 = () => this.bytes.readInt32BE((this.at += 4) - 4);
  take = (length: number) => this.bytes.subarray(this.at, (this.at += length));
  string = () => this.text(this.int16());
  /** A null array reads as undefined. */
  array<T>(item: () => T): T[] | undefined {
    const length = this.int32();
    return length < 0 ? undefined : Array.from({ length }, item);
  }

  /** Zigzag, up to 53 bits. */
  varint(): number {
    let value = 0;
    for (let factor = 1, more = true; more; factor *= 128) {
      const byte = this.bytes.readUInt8(this.at++);
      value += (byte & 0x7f) * factor;
      more = byte >= 0x80;
    }
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
  }

  /** Its length first; a negative one is null. */
  varbytes(): Buffer | null {
    const length = this.varint();
    return length < 0 ? null : this.take(length);
  }

  private text = (length: number) => (length < 0 ? null : this.take(length).toString());
}

export const int8 = (value: number) => bytes(1, (to) => to.writeInt8(value));
export const int16 = (value: number) => bytes(2, (to) => to.writeInt16BE(value));
export const int32 = (value: number) => bytes(4, (to) => to.writeInt32BE(value));
export const int64 = (value: number) => bytes(8, (to) => to.writeBigInt64BE(BigInt(value)));
export const string = (text: string | null) =>
  text === null ? int16(-1) : Buffer.concat([int16(Buffer.byteLength(text)), Buffer.from(text)]);
export const array = <T>(items: readonly T[], item: (one: T) => Buffer) =>
  Buffer.concat([int32(items.length), ...items.map(item)]);

function bytes(length: number, write: (to: Buffer) => void): Buffer {
  const to = Buffer.alloc(length);
  write(to);
  return to;
}
