import type { Policy } from './commands';
import type { Deltas, Rule } from './events';
import { allPass, deltasAgainst, judge, type Comparison } from './gate';
import { Rejected, type MissingApproval } from './rejections';
import type { Decision, OnTable, Version } from './state';

/** From DEV nothing goes on: the list of rules begins by saying so. */
export function stageRule(version: Version): Rule[] {
  if (version.stage !== 'DEV') return [];
  return [
    {
      rule: 'stage',
      required: 'STAGING',
      observed: 'DEV',
      verdict: 'fail',
      because: 'the staging gate has not been met yet',
    },
  ];
}

/** The staging gate by the verdicts that were stored: something on the table, and every bound on it passed. */
export function tableRules(version: Version): Rule[] {
  const stored = bySuite(version).flatMap(([suite, evaluation]) => judge(evaluation, evaluation.live, suite));
  return [...evaluationsRule(version), ...stored];
}

/** The same gate judged again, with every bound relative to live against what is live now. */
export function productionRules(
  version: Version,
  live: (suite: string) => Comparison,
): { rules: Rule[]; deltas: { [suite: string]: Deltas } } {
  const rules = evaluationsRule(version);
  const deltas: { [suite: string]: Deltas } = {};
  for (const [suite, evaluation] of bySuite(version)) {
    const comparison = live(suite);
    rules.push(...judge(evaluation, comparison, suite));
    if (!('why' in comparison)) deltas[suite] = deltasAgainst(evaluation.metrics, comparison.metrics);
  }
  return { rules, deltas };
}

export function requireGate(rules: readonly Rule[]): void {
  if (allPass(rules)) return;
  const open = rules
    .filter(({ verdict }) => verdict !== 'pass')
    .map(({ rule, verdict }) => `${rule}: ${verdict}`);
  throw new Rejected(
    'gate-not-met',
    `The gate is not met (${open.slice(0, 5).join('; ')}${open.length > 5 ? '; …' : ''}).`,
    { gate: rules },
  );
}

/** The approvals that carry a promotion, oldest first. Throws what is missing, or whose rejection stands. */
export function requireApprovals(version: Version, policy: Policy): Decision[] {
  const decisions = [...version.decisions];
  const standing = decisions.filter(([, { decision, void: gone }]) => decision === 'reject' && gone === null);
  if (standing.length > 0)
    throw rejectedBy(
      version,
      standing.map(([reviewer]) => reviewer),
    );
  const approvals = decisions
    .map(([, decision]) => decision)
    .filter(({ decision }) => decision === 'approve');
  const counting = approvals
    .filter(({ void: gone }) => gone === null)
    .sort((a, b) => Number(a.revision - b.revision));
  if (counting.length >= policy.approvals) return counting;
  const lacking = policy.approvals - counting.length;
  const missing: MissingApproval[] = [
    { needed: `${lacking} approval${lacking === 1 ? '' : 's'} by a reviewer` },
  ];
  if (approvals.length >= policy.approvals)
    throw new Rejected(
      'approval-void',
      `Version ${version.version} was approved, but not as it is now; a reviewer has to look again.`,
      { missing },
    );
  throw new Rejected('not-approved', `Version ${version.version} still needs ${missing[0]!.needed}.`, {
    missing,
  });
}

/** The approvals as rules, for the evidence of a promotion. */
export function approvalRules({ length }: readonly Decision[], { approvals }: Policy): Rule[] {
  return [
    { rule: `approvals >= ${approvals}`, required: approvals, observed: length, verdict: 'pass' },
    { rule: 'standing rejections <= 0', required: 0, observed: 0, verdict: 'pass' },
  ];
}

/** Without the words that the evidence says in numbers: the deltas beside it have what was compared. */
export function compact({ because, ...rule }: Rule): Rule {
  return because === undefined || rule.observed !== null ? rule : { ...rule, because };
}

function rejectedBy(version: Version, reviewers: string[]): Rejected {
  return new Rejected(
    'not-approved',
    `Version ${version.version} stands rejected by ${reviewers.join(', ')}; they have to approve it, or a new evaluation has to come.`,
    { missing: reviewers.map((by) => ({ needed: 'the rejection to be lifted', by })) },
  );
}

function evaluationsRule(version: Version): Rule[] {
  const { size } = version.table;
  return [{ rule: 'evaluations >= 1', required: 1, observed: size, verdict: size > 0 ? 'pass' : 'fail' }];
}

/** What is on the table, in order of suite. */
export function bySuite(version: Version): [string, OnTable][] {
  return [...version.table].sort(([a], [b]) => (a < b ? -1 : 1));
}
