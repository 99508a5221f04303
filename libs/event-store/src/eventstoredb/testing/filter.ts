import type { LoggedEvent } from './record';
import type { ReadOptions } from './wire';

/** Events that the server looks at in one step of a filtered read, unless the client says otherwise. */
const SEARCH_WINDOW = 32;

/** A server-side filter of `$all`: what passes, and after how many events looked at a checkpoint is due. */
export interface Filter {
  passes(event: LoggedEvent): boolean;
  readonly checkpointEvery: number;
}

export function filterOf(options: ReadOptions): Filter | undefined {
  const filter = options.getFilter();
  if (!filter) return undefined;
  const onStream = filter.getStreamIdentifier();
  const expression = onStream ?? filter.getEventType();
  const prefixes = expression?.getPrefixList() ?? [];
  const regex = expression?.getRegex() ? new RegExp(expression.getRegex()) : undefined;
  const window = filter.hasMax() ? filter.getMax() : SEARCH_WINDOW;
  return {
    passes: (event) => {
      const name = onStream ? event.stream : event.type;
      return regex ? regex.test(name) : prefixes.some((prefix) => name.startsWith(prefix));
    },
    checkpointEvery: filter.getCheckpointintervalmultiplier() * window,
  };
}
