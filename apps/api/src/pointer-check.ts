import {
  decode,
  isModelStream,
  liveVersion,
  movePointer,
  noPointer,
  rollbackTarget,
  type Pointer,
} from '@gatehouse/domain';
import type { EventStore } from '@gatehouse/eventsourcing';
import type { Views } from '@gatehouse/projections';

type Folded = { readonly tenant: string; readonly model: string; readonly pointer: Pointer };

/** What was compared, up to which position, and one sentence for each difference. */
export type PointerCheck = {
  readonly models: number;
  readonly position: bigint;
  readonly problems: string[];
};

/**
 * Whether the pointer of every model, folded from the log, is what the live view says. The views may be behind: the
 * log is folded up to their checkpoint. Null: they are empty or of another log, and are built anew at the next start.
 */
export async function checkPointers(store: EventStore, views: Views): Promise<PointerCheck | null> {
  const checkpoint = await views.checkpoint();
  const { logId } = await store.log();
  if (checkpoint === null || checkpoint.logId !== logId) return null;
  const problems: string[] = [];
  const folded = await fold(store, checkpoint.position, problems);
  for (const one of folded) problems.push(...differences(one, views));
  return { models: folded.length, position: checkpoint.position, problems };
}

async function fold(store: EventStore, upTo: bigint, problems: string[]): Promise<Folded[]> {
  const models = new Map<string, Folded>();
  const { signal } = new AbortController();
  for await (const event of store.readAll(0n, { follow: false, signal })) {
    if (event.position > upTo) break;
    if (!isModelStream(event.stream)) continue;
    const fact = decode(event);
    const { tenant, model = '' } = fact.meta;
    const one = models.get(event.stream) ?? { tenant, model, pointer: noPointer() };
    models.set(event.stream, one);
    const before = one.pointer.revision;
    movePointer(one.pointer, fact);
    if (one.pointer.revision !== before && one.pointer.revision !== before + 1)
      problems.push(
        `${tenant}/${model}: position ${event.position} moves the pointer from ${before} to ${one.pointer.revision}`,
      );
  }
  return [...models.values()];
}

function differences({ tenant, model, pointer }: Folded, views: Views): string[] {
  const view = views.live.find(tenant, model);
  if (view === null) return [`${tenant}/${model}: the live view does not have it`];
  const said = [view.revision, view.current?.version ?? null, view.rollbackTarget?.version ?? null];
  const folds = [pointer.revision, liveVersion(pointer), rollbackTarget(pointer)];
  return ['revision', 'live version', 'rollback target'].flatMap((what, i) =>
    said[i] === folds[i]
      ? []
      : [`${tenant}/${model}: the view says ${what} ${said[i]}, the log says ${folds[i]}`],
  );
}
