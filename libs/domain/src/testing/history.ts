import type { Fact, Promoted, Registered } from '../events';

// What a history says, read again by the plainest means: nothing here folds with the code that is judged by it.

/** The versions that were live, one after the other, as the events tell it; the last is live now, 0 is nothing. */
export function liveAfterEach(facts: readonly Fact[]): number[] {
  type Entry = { version: number; below: Entry | null };
  let top: Entry | null = null;
  return facts.map((fact) => {
    if (fact.type === 'model.Promoted') top = { version: fact.data.version, below: top };
    if (fact.type === 'model.RolledBack') {
      const target = fact.data.to?.version;
      let found: Entry | null = top?.below ?? null;
      while (found && found.version !== target) found = found.below;
      if (target === undefined) top = null;
      else top = found ?? { version: target, below: top?.below ?? null };
    }
    return top?.version ?? 0;
  });
}

/** Why a promotion should not have happened; null when everything that I7 asks for is in the history before it. */
export function whyNotAllowed(facts: readonly Fact[], at: number): string | null {
  const { version, digest, evidence } = facts[at]!.data as Promoted;
  const before = facts
    .slice(0, at)
    .filter(
      (fact) =>
        !('version' in fact.data) || fact.data.version === version || fact.type === 'model.RolledBack',
    );
  const registered = before.find(({ type }) => type === 'model.Registered');
  const evaluations = before.filter((fact) => fact.type === 'model.Evaluated');
  if (!registered || (registered.data as Registered).digest !== digest)
    return 'not registered with this digest';
  const latest = evaluations.at(-1)?.data;
  if (!latest) return 'never evaluated';
  if (evidence.rules.some(({ verdict }) => verdict !== 'pass')) return 'a rule in the evidence did not pass';
  const approvals = evidence.approvals.map((revision) => facts[Number(revision)]!);
  if (approvals.length === 0) return 'no approval in the evidence';
  for (const approval of approvals) {
    if (approval.type !== 'model.Approved' || approval.data.version !== version)
      return 'evidence is no approval of it';
    if (approval.data.evaluated !== latest.evaluated) return 'approved on other evaluations';
    if (approval.meta.actor.id === registered.meta.actor.id) return 'approved by its registrar';
    if (approval.meta.actor.kind !== 'user') return 'approved by a service';
    const later = facts.slice(Number(approval.revision) + 1, at);
    if (later.some((fact) => fact.type === 'model.RolledBack' && fact.data.from.version === version))
      return 'rolled back since';
    if (later.some((fact) => fact.type === 'model.Rejected' && fact.data.version === version))
      return 'rejected since';
  }
  return null;
}
