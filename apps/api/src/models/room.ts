import type { ModelEvent } from '@gatehouse/domain';
import { requireQuota, type Amounts } from '@gatehouse/identity';

/** What the tenant of a command has, and may have at most. */
export type Room = { readonly used: Amounts; readonly most: Amounts };

/**
 * What was decided, if there is room for it; throws `QuotaExceeded`. Only what adds versions or measurements is refused: a tenant that is
 * full can still promote, roll back, approve and deprecate. What changes nothing takes no room.
 */
export function withinQuota({ used, most }: Room, events: readonly ModelEvent[]): readonly ModelEvent[] {
  for (const { type, data } of events) {
    if (type !== 'model.Registered' && type !== 'model.Evaluated') continue;
    const bytes = most.bytes === Infinity ? 0 : JSON.stringify(data).length;
    if (type === 'model.Evaluated') requireQuota(used, most, { bytes });
    else requireQuota(used, most, { versions: 1, models: data.version === 1 ? 1 : 0, bytes });
  }
  return events;
}
