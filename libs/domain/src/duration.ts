const FORM = /^P(?:(\d{1,4})W)?(?:(\d{1,4})D)?(?:T(?:(\d{1,5})H)?(?:(\d{1,6})M)?(?:(\d{1,7})S)?)?$/;
const DAY_MS = 86_400_000;
const UNITS_MS = [7 * DAY_MS, DAY_MS, 3_600_000, 60_000, 1_000];

/**
 * Milliseconds of an ISO 8601 duration of weeks, days, hours, minutes and seconds; undefined where it is none. A day has
 * 24 hours: years and months, whose length depends on where they begin, are not taken.
 */
export function durationMs(text: string): number | undefined {
  const parts = FORM.exec(text);
  const given = parts?.slice(1).filter((part) => part !== undefined) ?? [];
  if (!parts || given.length === 0 || text.endsWith('T')) return undefined;
  return UNITS_MS.reduce((sum, unit, i) => sum + unit * Number(parts[i + 1] ?? 0), 0);
}

/** The same of a duration that was checked when its policy was published. What is none now would be a hole in a rule. */
export function msOf(duration: string): number {
  const ms = durationMs(duration);
  if (ms === undefined) throw new RangeError(`not a duration: ${duration}`);
  return ms;
}

/** For people: whole minutes are enough. */
export function spoken(ms: number): string {
  const minutes = Math.floor(ms / 60_000);
  const [days, hours, rest] = [Math.floor(minutes / 1_440), Math.floor(minutes / 60) % 24, minutes % 60];
  const time = `${hours ? `${hours}H` : ''}${rest ? `${rest}M` : ''}`;
  return days || time ? `P${days ? `${days}D` : ''}${time && `T${time}`}` : 'PT0M';
}

/** Whole days that a notice takes, rounded up. */
export function daysOf(duration: string): number {
  return Math.ceil(msOf(duration) / DAY_MS);
}
