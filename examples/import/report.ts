import type { GatehouseClient, Live, Ref } from './client';
import type { Outcome } from './drive';

type Row = { model: string; versions: number; live: string | null; held: number; deprecated: number };

/** Everything the demo found out, as `--json` writes it. */
export type Report = {
  models: Row[];
  live: Record<string, string>;
  held: Outcome['held'];
  unjudged: Outcome['unjudged'];
  totals: {
    models: number;
    versions: number;
    promoted: number;
    held: number;
    unjudged: number;
    events: number;
    appended: number;
    seconds: number;
  };
};

/** Asks the service how things stand now; only the verdicts come from the answers on the way. */
export async function report(
  api: GatehouseClient,
  outcome: Outcome,
  before: string,
  seconds: number,
): Promise<Report> {
  const { position } = await api.get<{ position: string }>('/v1/log');
  const models: Row[] = [];
  for (const { model, versions } of await api.list<{ model: string; versions: number }>(
    '/v1/models',
    position,
  )) {
    const { current } = await api.get<Live>(`/v1/models/${model}/live`, position);
    const deprecated = await api.list<Ref>(`/v1/models/${model}/versions?stage=DEPRECATED`, position);
    models.push({
      model,
      versions,
      live: current?.label ?? null,
      held: outcome.held.filter((h) => h.model === model).length,
      deprecated: deprecated.length,
    });
  }
  const live = Object.fromEntries(
    models.flatMap(({ model, live }) => (live === null ? [] : [[model, live]])),
  );
  const totals = {
    models: models.length,
    versions: models.reduce((sum, row) => sum + row.versions, 0),
    promoted: outcome.promoted.length,
    held: outcome.held.length,
    unjudged: outcome.unjudged.length,
    events: await api.countEvents('0'),
    appended: before === position ? 0 : await api.countEvents(before),
    seconds,
  };
  return { models, live, held: outcome.held, unjudged: outcome.unjudged, totals };
}

/** The report for people: a row per model, what was held back and why, one line of totals. */
export function print({ models, held, totals }: Report): string {
  const failed = held.flatMap(({ model, label, live, rules }) =>
    rules.map((rule) => [
      model,
      label,
      live ?? '-',
      rule.metric ?? rule.rule,
      text(rule.live),
      text(rule.value),
      text(rule.delta),
    ]),
  );
  return [
    table(
      ['model', 'versions', 'live', 'held back', 'deprecated'],
      models.map((m) => [m.model, `${m.versions}`, m.live ?? '-', `${m.held}`, `${m.deprecated}`]),
    ),
    `\nHeld back by the gate (${held.length} releases):\n`,
    table(['model', 'release', 'against', 'metric', 'live', 'value', 'delta'], failed),
    `\n${totals.models} models, ${totals.versions} versions, ${totals.promoted} promoted, ${totals.held} held back, ` +
      `${totals.unjudged} not judged, ${totals.events} events, ${totals.seconds.toFixed(1)} seconds`,
    totals.appended === 0
      ? 'Nothing was appended: all of this was in the log already.'
      : `${totals.appended} events were appended.`,
  ].join('\n');
}

const text = (value: number | null) => (value === null ? '-' : String(value));

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((title, i) => Math.max(title.length, ...rows.map((row) => row[i]!.length)));
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, i) => cell.padEnd(widths[i]!))
      .join('  ')
      .trimEnd();
  return [line(head), line(widths.map((width) => '-'.repeat(width))), ...rows.map(line)].join('\n');
}
