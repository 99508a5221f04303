import { benchOf, refTo } from './against-live';
import { requireApprovals } from './approvals';
import type { Context, Promote } from './commands';
import { msOf } from './duration';
import type { Evidence, ModelEvent, Promoted, Ref } from './events';
import { bySuite, stageRule } from './gates';
import { liveVersion } from './pointer';
import { assess, bytesOf, compact, requireGate, type Assessment } from './promotion';
import { existing, expectPointer, refuseDeprecated, refuseGlass } from './refusals';
import { Rejected } from './rejections';
import { isLive, type ModelState, type Version } from './state';

/** Of the data of a promotion. An event holds 512 KiB; the rest is for what surrounds it. */
const MOST_BYTES = 508 * 1024;

/** Moves the pointer to a version, if everything that the policy in force asks holds now. */
export function promote(data: Promote, state: ModelState, context: Context): ModelEvent | null {
  const { breakGlass } = data;
  if (breakGlass && !breakGlass.reason.trim())
    throw new Rejected('reason-missing', 'Say in `breakGlass.reason` why this cannot wait.');
  const version = existing(state, data.version);
  expectPointer(state, data.ifPointer);
  if (isLive(state, version)) return null;
  refuseDeprecated(version);
  if (breakGlass) refuseGlass(context);
  const judged = assess(version, benchOf(state, version, context).live, context);
  requireGate([...stageRule(version), ...judged.rules, ...(breakGlass ? [] : judged.waits)]);
  if (!breakGlass) requireApprovals(version, judged.approvals);
  const previous = refTo(state, liveVersion(state.pointer));
  const promoted = {
    version: version.version,
    digest: version.digest,
    ...(previous && { previous }),
    pointer: state.pointer.revision + 1,
    ...(data.note !== undefined && { note: data.note }),
    evidence: evidenceOf(version, judged, previous, context),
    ...(breakGlass && { breakGlass: { ...breakGlass, ...glassOf(context) } }),
  };
  refuseTooLong(promoted);
  return { type: 'model.Promoted', data: promoted };
}

/** The evidence alone has room. */
function refuseTooLong(promoted: Promoted): void {
  const bytes = bytesOf(promoted);
  if (bytes > MOST_BYTES)
    throw new Rejected(
      'too-many',
      `Say less in \`note\` or \`breakGlass.reason\`: with so much evidence the event would take ${bytes} bytes; the most is ${MOST_BYTES}.`,
    );
}

/** Every verdict is kept as it was, also of what break-glass skipped. */
function evidenceOf(
  version: Version,
  { rules, waits, approvals, deltas }: Assessment,
  previous: Ref | undefined,
  context: Context,
): Evidence {
  return {
    registered: String(version.registered),
    evaluations: bySuite(version).map(([, { revision }]) => String(revision)),
    approvals: approvals.counting.map(({ decision }) => String(decision.revision)),
    rules: [...rules.map(compact), ...waits, ...approvals.rules],
    ...(previous && { baseline: previous }),
    deltas,
    ...(approvals.counted.length > 0 && { counted: approvals.counted }),
    policy: context.policy.ref,
  };
}

function glassOf({ policy, now }: Context) {
  const { capacity, reviewWithin } = policy.document.breakGlass!;
  return { capacity, reviewBy: new Date(Date.parse(now) + msOf(reviewWithin)).toISOString() };
}
