import type { Opening } from './channel';

/** What the product team uses of `product`. */
export type Product = Opening<'promoted' | 'rolled-back' | 'deprecated'> & {
  headline: string;
  change: string | null;
  better: string[];
  worse: string[];
  approvedBy: { by: string }[];
  customers: { tell: string; by: string };
};

/** What changed for users, in words; who stands for it; what customers are told, and by when. */
export function product({ headline, change, better, worse, approvedBy, customers }: Product): string[] {
  return [
    headline,
    ...(change === null ? [] : [`  what changed: ${change}`]),
    ...better.map((what) => `  better: ${what}`),
    ...worse.map((what) => `  worse: ${what}`),
    ...(approvedBy.length === 0 ? [] : [`  approved by ${approvedBy.map(({ by }) => by).join(', ')}`]),
    `  tell customers by ${customers.by}: ${customers.tell}`,
  ];
}
