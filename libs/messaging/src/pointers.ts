import { decode, movePointer, noPointer, rollbackTarget, type Fact, type Pointer } from '@gatehouse/domain';
import { Recent, type EventStore } from '@gatehouse/eventsourcing';

type At = { readonly revision: bigint; readonly pointer: Pointer };
const NOWHERE: At = { revision: -1n, pointer: noPointer() };

/**
 * The live pointers of models as they stood when an event had happened, folded from the model's own stream. Those asked
 * for lately are kept, in bounded memory; the answer is the same with nothing kept.
 */
export class Pointers {
  private readonly kept: Recent<At>;

  constructor(
    private readonly store: Pick<EventStore, 'read'>,
    mostBytes: number,
  ) {
    this.kept = new Recent(mostBytes);
  }

  /** Where a rollback that names no target goes after this event; null: nowhere. */
  async rollbackTarget(stream: string, fact: Fact): Promise<number | null> {
    const { pointer } = await this.after(stream, fact);
    return rollbackTarget(pointer);
  }

  private async after(stream: string, fact: Fact): Promise<At> {
    const kept = this.kept.get(stream) ?? NOWHERE;
    if (kept.revision === fact.revision) return kept;
    // What is sent again lies before what was kept.
    const before = kept.revision < fact.revision ? kept : NOWHERE;
    const pointer = copyOf(before.pointer);
    for await (const event of this.store.read(stream, before.revision + 1n)) {
      if (event.revision >= fact.revision) break;
      movePointer(pointer, decode(event));
    }
    movePointer(pointer, fact);
    const at = { revision: fact.revision, pointer };
    this.kept.set(stream, at, bytesOf(stream, pointer));
    return at;
  }
}

function copyOf({ revision, stack, barred }: Pointer): Pointer {
  return { revision, stack: [...stack], barred: new Set(barred) };
}

function bytesOf(stream: string, { stack, barred }: Pointer): number {
  return 300 + stream.length + 8 * stack.length + 40 * barred.size;
}
