const DAYS = ['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun'];
const WEEK = 7 * 24 * 60;
const FORM = /^(\w{3}) (\d\d):(\d\d) - (\w{3}) (\d\d):(\d\d)$/;

const clocks = new Map<string, Intl.DateTimeFormat>();

/** Whether there is such a time zone. */
export function isZone(zone: string): boolean {
  try {
    clockOf(zone);
    return true;
  } catch {
    return false;
  }
}

/** Whether a weekly window has a length: one that ends where it begins would be all of the week, or nothing. */
export function isWindow(weekly: string): boolean {
  const window = windowOf(weekly);
  return window !== undefined && window.from !== window.to;
}

/**
 * Whether an instant lies in a weekly window by the clocks of a zone: its start is in it, its end is not. Where the clocks
 * are put forward or back, what counts is what they show.
 */
export function inWeek(weekly: string, zone: string, instant: string): boolean {
  const window = windowOf(weekly);
  // It was checked when the policy was published. Of what is none now nothing is known, so it freezes.
  if (!window || !isZone(zone)) return true;
  const now = minuteOfWeek(zone, instant);
  return window.from < window.to
    ? now >= window.from && now < window.to
    : now >= window.from || now < window.to;
}

function windowOf(weekly: string): { from: number; to: number } | undefined {
  const [, day, hour, minute, lastDay, lastHour, lastMinute] = FORM.exec(weekly) ?? [];
  if (day === undefined) return undefined;
  return { from: minutes(day, hour, minute), to: minutes(lastDay, lastHour, lastMinute) };
}

function minuteOfWeek(zone: string, instant: string): number {
  const parts = clockOf(zone).formatToParts(Date.parse(instant));
  const part = (type: string) => parts.find((one) => one.type === type)?.value;
  return minutes(part('weekday'), part('hour'), part('minute'));
}

function minutes(day: string | undefined, hour: string | undefined, minute: string | undefined): number {
  return (DAYS.indexOf(day ?? '') * 24 * 60 + Number(hour) * 60 + Number(minute)) % WEEK;
}

/** Making one takes a hundred times as long as asking it. */
function clockOf(zone: string): Intl.DateTimeFormat {
  const known = clocks.get(zone);
  if (known) return known;
  const clock = new Intl.DateTimeFormat('en-GB', {
    timeZone: zone,
    weekday: 'short',
    hour: '2-digit',
    minute: '2-digit',
    hourCycle: 'h23',
  });
  clocks.set(zone, clock);
  return clock;
}
