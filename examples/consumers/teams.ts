import { consume, type Channel, type Consuming } from './channel';
import { dataScience } from './data-science';
import { engineering } from './engineering';
import { product } from './product';

/** The three teams: each reads a channel of its own. */
export const TEAMS = ['data-science', 'engineering', 'product'] as const;
export type Team = (typeof TEAMS)[number];

/** Starts the consumer of a team. */
export function consumerOf(
  team: Team,
  channel: Omit<Channel, 'name'>,
  print: (lines: string[]) => void,
): Promise<Consuming> {
  const named = { ...channel, name: team };
  switch (team) {
    case 'data-science':
      return consume(named, dataScience, print);
    case 'engineering':
      return consume(named, engineering, print);
    case 'product':
      return consume(named, product, print);
  }
}
