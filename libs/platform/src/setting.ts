/** One setting: how it is written, what parses it, what it means. */
export type Setting<T> = {
  readonly name: `GATEHOUSE_${string}`;
  /** As it would be written in the environment; undefined: there is none. */
  readonly default: string | undefined;
  readonly meaning: string;
  /** May also come as `<NAME>_FILE`, and is never printed. */
  readonly secret?: true;
  readonly parse: (text: string) => T;
};

/** Keeps the type of what it parses to. */
export const setting = <T>(one: Setting<T>): Setting<T> => one;

/** A setting is wrong. The message names it and says what would do; it never holds a secret's value. */
export class SettingWrong extends Error {
  override readonly name = 'SettingWrong';
}

/** Parses what must not be blank. */
export function nonEmpty(text: string): string {
  if (text.trim() === '') throw new Error('must not be empty');
  return text;
}

/** Parses a whole number in these bounds. */
export function whole(least: number, most: number): (text: string) => number {
  return (text) => {
    const number = /^\d{1,9}$/.test(text) ? Number(text) : NaN;
    if (!(number >= least && number <= most))
      throw new Error(`must be a whole number from ${least} to ${most}`);
    return number;
  };
}
