import {
  liveVersion,
  rollbackTarget,
  type Fact,
  type ModelState,
  type Moved,
  type Version,
} from '@gatehouse/domain';
import type { Outcome } from '@gatehouse/eventsourcing';
import { publicEvent, type Live, type VersionName } from '@gatehouse/projections';
import type { VersionState, Written } from './on-model';

/** The answer to a write, from the state that decided: never from a view, which may lag. */
export function answerOf(
  model: string,
  named: number | null,
  { state, recorded, replayed, position }: Outcome<ModelState>,
): Written {
  const version = state.versions[(named ?? liveVersion(state.pointer) ?? 0) - 1];
  return {
    replayed,
    answer: {
      changed: recorded !== null,
      position: String(position),
      version: version ? stateOf(model, version) : null,
      live: liveOf(model, state),
      event: recorded && publicEvent(recorded),
    },
  };
}

/** The `live` resource, as the state has it. */
export function liveOf(model: string, state: ModelState): Live {
  const { pointer, lastMove } = state;
  const name = (number: number | null | undefined): VersionName | null => {
    const version = state.versions[(number ?? 0) - 1];
    return version ? { version: version.version, digest: version.digest, label: version.label } : null;
  };
  return {
    model,
    revision: pointer.revision,
    current: name(liveVersion(pointer)),
    previous: name(lastMove && leftBy(lastMove)),
    rollbackTarget: name(rollbackTarget(pointer)),
    since: lastMove?.meta.time ?? null,
    by: lastMove?.meta.actor ?? null,
    why: lastMove && {
      event: lastMove.type,
      position: String(lastMove.position),
      reason: lastMove.type === 'model.RolledBack' ? lastMove.data.reason : null,
      note: lastMove.data.note ?? null,
    },
  };
}

function leftBy(move: Fact<Moved>): number | undefined {
  return move.type === 'model.Promoted' ? move.data.previous?.version : move.data.from.version;
}

function stateOf(model: string, { version, digest, label, stage, evaluated }: Version): VersionState {
  return { model, version, digest, label, stage, evaluated };
}
