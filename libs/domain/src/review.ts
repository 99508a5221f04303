import type { Context, Review } from './commands';
import type { ModelEvent } from './events';
import { sameHand } from './makers';
import { existing, ownHand } from './refusals';
import { Rejected } from './rejections';
import type { ModelState, Version } from './state';

/** A second person looks at a promotion by break-glass: the oldest of the version that nobody has reviewed. */
export function review(data: Review, state: ModelState, context: Context): ModelEvent | null {
  const version = existing(state, data.version);
  const { actor } = context;
  const { reviewed, unreviewed } = version;
  if (unreviewed.length === 0 && reviewed?.by === actor.id && reviewed.verdict === data.verdict) return null;
  refuseInvolved(version, context);
  const promotion = unreviewed.find((deed) => sameHand(deed, context) === null);
  if (!promotion)
    throw unreviewed.length > 0
      ? new Rejected(
          'own-approval',
          `${actor.id} broke the glass, or one of them made the key of the other; a second person has to review it.`,
        )
      : new Rejected(
          'no-break-glass',
          `Version ${version.version} has no break-glass that waits for a review.`,
        );
  return {
    type: 'model.BreakGlassReviewed',
    data: {
      version: version.version,
      digest: version.digest,
      promotion: promotion.promotion,
      verdict: data.verdict,
      ...(data.comment !== undefined && { comment: data.comment }),
    },
  };
}

function refuseInvolved(version: Version, context: Context): void {
  const own = ownHand(version, context);
  if (own !== null)
    throw new Rejected('own-approval', `${own}; somebody else has to review how it went live.`);
  if (context.actor.kind !== 'user')
    throw new Rejected('role-missing', 'A service cannot review a break-glass; a person has to.');
}
