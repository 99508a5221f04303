/** One line of the result. What is compared with a baseline says how many times the baseline it is. */
export type Figure = {
  readonly section: string;
  readonly name: string;
  readonly unit: string;
  readonly ours: number;
  readonly baseline?: { readonly name: string; readonly value: number };
  /** Of the ratio where there is a baseline, else of our value. */
  readonly aim?: { readonly atLeast?: number; readonly atMost?: number };
};

export const ratioOf = ({ ours, baseline }: Figure) =>
  baseline === undefined ? undefined : ours / baseline.value;

/** Whether the aim is met; undefined where there is none. */
export function isMet(figure: Figure): boolean | undefined {
  const { atLeast, atMost } = figure.aim ?? {};
  const judged = ratioOf(figure) ?? figure.ours;
  if (atLeast !== undefined) return judged >= atLeast;
  return atMost === undefined ? undefined : judged <= atMost;
}

/** The figures as a table for people. */
export function tableOf(figures: readonly Figure[]): string {
  const rows = figures.map((figure) => [
    figure.section,
    figure.name,
    number(figure.baseline?.value),
    number(figure.ours),
    figure.unit,
    ratioOf(figure)?.toFixed(2) ?? '',
    aimText(figure),
    { true: 'met', false: 'MISSED', undefined: '' }[String(isMet(figure)) as 'true'],
  ]);
  const head = ['', '', 'baseline', 'ours', 'unit', 'ratio', 'aim', ''];
  const widths = head.map((title, i) => Math.max(title.length, ...rows.map((row) => row[i]!.length)));
  const isNumber = (i: number) => i === 2 || i === 3 || i === 5;
  const line = (row: readonly string[]) =>
    row.map((cell, i) => (isNumber(i) ? cell.padStart(widths[i]!) : cell.padEnd(widths[i]!))).join('  ');
  return [head, widths.map((width) => '-'.repeat(width)), ...rows]
    .map((row) => line(row).trimEnd())
    .join('\n');
}

function aimText({ aim, baseline }: Figure): string {
  const times = baseline === undefined ? '' : ' x';
  if (aim?.atLeast !== undefined) return `>= ${aim.atLeast}${times}`;
  return aim?.atMost === undefined ? '' : `<= ${aim.atMost}${times}`;
}

const number = (value: number | undefined) =>
  value === undefined ? '' : value >= 100 ? Math.round(value).toLocaleString('en') : value.toFixed(2);

/** The middle one. */
export function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!;
}
