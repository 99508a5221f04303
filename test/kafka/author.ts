import type { EventStore } from '@gatehouse/eventsourcing';
import { Lives, randomCommand, randomFrom } from '../../libs/projections/src/testing/lives';

const MODELS = 12;

/** Writes the lives of some models, as the rules decide them: each call about so many more events. The same seed writes the same. */
export function authorOf(store: Pick<EventStore, 'append'>, seed = 7): (events: number) => Promise<void> {
  const lives = new Lives(store);
  const next = randomFrom(seed);
  let commands = 0;
  return async (events) => {
    for (let made = 0; made < events;) {
      const { command, actor } = randomCommand(next, Math.floor(commands++ / 60));
      made += (await lives.issue('acme', `model-${next(MODELS)}`, command, actor))?.length ?? 0;
    }
  };
}
