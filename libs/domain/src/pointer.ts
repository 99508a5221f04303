import type { ModelEvent } from './events';

/**
 * The live pointer of one model: a stack whose top is live. A promotion pushes; a rollback pops down to the
 * topmost entry of its target (a target that is not on the stack replaces the top; no target empties it).
 */
export type Pointer = {
  /** How often the pointer moved. */
  revision: number;
  /** Version numbers, the live one last. */
  stack: number[];
  /** Versions that a rollback cannot land on: rolled back and not promoted since, or deprecated. */
  barred: Set<number>;
};

export function noPointer(): Pointer {
  return { revision: 0, stack: [], barred: new Set() };
}

/** The version that is live, or null. */
export function liveVersion(pointer: Pointer): number | null {
  return pointer.stack.at(-1) ?? null;
}

/** Where a rollback without a named target goes: the next entry down that is another version and not barred; or null. */
export function rollbackTarget(pointer: Pointer): number | null {
  const live = liveVersion(pointer);
  for (let i = pointer.stack.length - 2; i >= 0; i--) {
    const version = pointer.stack[i]!;
    if (version !== live && !pointer.barred.has(version)) return version;
  }
  return null;
}

/** Folds an event into the pointer, in place; events that do not concern it change nothing. */
export function movePointer(pointer: Pointer, event: ModelEvent): void {
  if (event.type === 'model.Promoted') {
    pointer.stack.push(event.data.version);
    pointer.barred.delete(event.data.version);
    pointer.revision = event.data.pointer;
  } else if (event.type === 'model.RolledBack') {
    popTo(pointer.stack, event.data.to?.version ?? null);
    pointer.barred.add(event.data.from.version);
    pointer.revision = event.data.pointer;
  } else if (event.type === 'model.Deprecated') {
    pointer.barred.add(event.data.version);
    // Final: no rollback lands on it, so no look-up has to step over it.
    pointer.stack = pointer.stack.filter((version) => version !== event.data.version);
  }
}

function popTo(stack: number[], target: number | null): void {
  if (target === null) {
    stack.length = 0;
    return;
  }
  const below = stack.lastIndexOf(target, stack.length - 2);
  if (stack.length > 1 && below >= 0) stack.length = below + 1;
  else stack.splice(-1, 1, target);
}
