import type { BreakGlass, Opening } from './channel';

const EVENTS = ['promoted', 'rolled-back', 'deprecated'] as const;

/** What the product team uses of `product`. */
export type Product = Opening<(typeof EVENTS)[number]> & {
  headline: string;
  change: string | null;
  better: string[];
  worse: string[];
  approvedBy: { by: string }[];
  customers: { tell: string; by: string };
  /** Of a promotion only. */
  breakGlass?: BreakGlass;
};

/** What changed for users, in words; who stands for it; what customers are told, and by when. */
export function product(told: Product): string[] {
  if (!EVENTS.includes(told.event)) return [];
  const { headline, change, better, worse, approvedBy, customers, breakGlass } = told;
  return [
    headline,
    ...(breakGlass ? [`  why it could not wait: ${breakGlass.reason}`] : []),
    ...(change === null ? [] : [`  what changed: ${change}`]),
    ...better.map((what) => `  better: ${what}`),
    ...worse.map((what) => `  worse: ${what}`),
    ...(approvedBy.length === 0 ? [] : [`  approved by ${approvedBy.map(({ by }) => by).join(', ')}`]),
    `  tell customers by ${customers.by}: ${customers.tell}`,
  ];
}
