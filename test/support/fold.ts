import type { Event, Live } from './http';

/** What the pointer of a model must be, folded from its events by the words of the design alone. */
export type Folded = {
  revision: number;
  current: number | null;
  previous: number | null;
  rollbackTarget: number | null;
};

/** A second opinion on `libs/domain`: promotions push, a rollback takes off the top until its target is on top. Throws where events contradict each other. */
export function foldPointer(events: readonly Event[]): Folded {
  let stack: number[] = [];
  let revision = 0;
  let previous: number | null = null;
  const unfit = new Set<number>();
  for (const { type, data, position } of events) {
    if (type === 'model.Deprecated') unfit.add(data.version!);
    if (type !== 'model.Promoted' && type !== 'model.RolledBack') continue;
    const current = stack.at(-1) ?? null;
    const left = (type === 'model.Promoted' ? data.previous?.version : data.from!.version) ?? null;
    if (left !== current) throw new Error(`position ${position} leaves ${left}, but ${current} was live`);
    if (data.pointer !== ++revision)
      throw new Error(`position ${position} says pointer ${data.pointer}, but it is move ${revision}`);
    previous = current;
    if (type === 'model.Promoted') {
      stack.push(data.version!);
      unfit.delete(data.version!);
    } else {
      unfit.add(data.from!.version);
      stack = poppedTo(stack, data.to?.version);
    }
  }
  const current = stack.at(-1) ?? null;
  const below = stack.slice(0, -1).filter((version) => version !== current && !unfit.has(version));
  return { revision, current, previous, rollbackTarget: below.at(-1) ?? null };
}

/** What the service says of a pointer, in the words of `Folded`. */
export function numbersOf({ revision, current, previous, rollbackTarget }: Live): Folded {
  const version = (ref: Live['current']) => ref?.version ?? null;
  return {
    revision,
    current: version(current),
    previous: version(previous),
    rollbackTarget: version(rollbackTarget),
  };
}

function poppedTo(stack: readonly number[], target: number | undefined): number[] {
  if (target === undefined) return [];
  const at = stack.slice(0, -1).lastIndexOf(target);
  return at < 0 ? [...stack.slice(0, -1), target] : stack.slice(0, at + 1);
}
