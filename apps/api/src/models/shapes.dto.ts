import { isNfc } from '@gatehouse/canonical';
import {
  IsInt,
  IsOptional,
  IsString,
  Length,
  Matches,
  Max,
  MaxLength,
  Min,
  ValidateBy,
  type ValidationOptions,
} from 'class-validator';
import { Transform } from 'class-transformer';

// The small shapes that bodies and paths are made of; what they promise is in docs/api.

const all =
  (...decorators: PropertyDecorator[]): PropertyDecorator =>
  (target, name) =>
    decorators.forEach((decorate) => decorate(target, name));

/** A name of a model, suite, metric, label … is more than text: it is compared, sorted and put into paths. */
const named = (pattern: RegExp, message: string) => () => Matches(pattern, { message: `must be ${message}` });

export const NAME = /^[A-Za-z0-9][A-Za-z0-9._/@%-]{0,63}$/;
export const NAME_MEANS = '1 to 64 of A-Z a-z 0-9 . _ / @ % -, beginning with a letter or digit';
export const DIGEST = /^sha256:[0-9a-f]{64}$/;
const ACTOR = /^[\p{L}\p{M}\p{N}\p{P}\p{S}]{1,128}$/u;

export const IsModelName = named(
  /^[a-z0-9][a-z0-9._-]{0,127}$/,
  '1 to 128 of a-z 0-9 . _ -, beginning with a letter or digit',
);
export const IsLabel = named(
  /^[A-Za-z0-9][A-Za-z0-9._+-]{0,63}$/,
  '1 to 64 of A-Z a-z 0-9 . _ + -, beginning with a letter or digit',
);
export const IsSuiteName = named(NAME, NAME_MEANS);
export const IsDigest = named(DIGEST, '`sha256:` and 64 lower-case hexadecimal digits');
export const IsActorId = named(ACTOR, '1 to 128 visible characters');

/** Free text of at most 10,000 characters. */
export const IsText = () =>
  all(
    IsString({ message: 'must be text' }),
    MaxLength(10_000, { message: 'must have at most 10,000 characters' }),
  );
/** The same, and not empty. */
export const IsFilledText = () =>
  all(
    IsString({ message: 'must be text' }),
    Length(1, 10_000, { message: 'must have 1 to 10,000 characters' }),
  );

const WHOLE = { message: 'must be a whole number from $constraint1' };
/** A whole number that JSON keeps exactly. */
export const IsWhole = (least: number) =>
  all(
    IsInt({ message: 'must be a whole number' }),
    Min(least, WHOLE),
    Max(Number.MAX_SAFE_INTEGER, { message: 'must be at most 2^53 - 1' }),
  );

/** May be absent; `null` is the same as absent. */
export const MayBeAbsent = (options?: ValidationOptions) => IsOptional(options);

/** A declared member of a manifest: absent, `null`, `""`, `[]` and `{}` are one, whatever it is declared as. */
export const MayBeEmpty = () =>
  all(
    // Judged as it came: by now `{}` may be an instance of something.
    Transform(({ obj, key, value }) =>
      isEmpty((obj as Record<string, unknown>)[key]) ? undefined : (value as unknown),
    ),
    IsOptional(),
  );

/** Keeps the value as it came: class-transformer would copy it and lose what it takes for methods. */
export const AsItCame = () => Transform(({ obj, key }) => (obj as Record<string, unknown>)[key]);

function isEmpty(value: unknown): boolean {
  if (value === undefined || value === null || value === '') return true;
  return typeof value === 'object' && Object.keys(value).length === 0;
}

/** What looks the same is the same: Unicode normalisation form C, as in the names of a manifest. */
export const IsInNfc = () =>
  ValidateBy({
    name: 'isInNfc',
    validator: {
      validate: (value) => typeof value !== 'string' || isNfc(value),
      defaultMessage: () => 'must be in Unicode normalisation form C (NFC)',
    },
  });

/** The number or the digest of a version. */
export const IsVersionRef = () =>
  ValidateBy({
    name: 'isVersionRef',
    validator: {
      validate: (value) =>
        typeof value === 'string' ? DIGEST.test(value) : Number.isSafeInteger(value) && value >= 1,
      defaultMessage: () => 'must be the number or the digest of a version',
    },
  });

/** A day of the calendar, `YYYY-MM-DD`. */
export const IsCalendarDay = () =>
  ValidateBy({
    name: 'isCalendarDay',
    validator: { validate: isCalendarDay, defaultMessage: () => 'must be a day of the calendar, YYYY-MM-DD' },
  });

function isCalendarDay(value: unknown): boolean {
  if (typeof value !== 'string' || !/^\d{4}-\d{2}-\d{2}$/.test(value)) return false;
  const day = new Date(`${value}T00:00:00Z`);
  return !Number.isNaN(day.getTime()) && day.toISOString().startsWith(value);
}
