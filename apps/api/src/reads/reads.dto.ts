import { Transform } from 'class-transformer';
import {
  ArrayMaxSize,
  IsBoolean,
  IsIn,
  IsInt,
  IsString,
  Matches,
  Max,
  MaxLength,
  Min,
  ValidateBy,
} from 'class-validator';
import { isInstant } from '@gatehouse/domain';
import { parseMetricCondition } from '@gatehouse/projections';
import { ModelPath } from '../models/path.dto';
import { IsActorId, IsLabel, IsModelName, MayBeAbsent } from '../models/shapes.dto';

const STAGES = ['DEV', 'STAGING', 'PROD', 'DEPRECATED'] as const;

/** Query strings are text: what looks like a whole number becomes one, the rest is left for the validators to refuse. */
const WholeFromText = () =>
  Transform(({ value }: { value: unknown }) =>
    typeof value === 'string' && /^\d{1,15}$/.test(value) ? Number(value) : value,
  );
const BooleanFromText = () =>
  Transform(({ value }: { value: unknown }) => (value === 'true' ? true : value === 'false' ? false : value));
/** One is a list of one. */
const List = () =>
  Transform(({ value }: { value: unknown }) =>
    value === undefined || Array.isArray(value) ? value : [value],
  );
/** In a query string `+` is a space: an offset that was not percent-encoded is still understood. */
const PlusFromSpace = () =>
  Transform(({ value }: { value: unknown }) =>
    typeof value === 'string' ? value.replace(/ (?=\d\d:\d\d$)/, '+') : value,
  );

const IsMetricCondition = () =>
  ValidateBy(
    {
      name: 'isMetricCondition',
      validator: {
        validate: (value) => typeof value === 'string' && parseMetricCondition(value) !== null,
        defaultMessage: () => 'must be like f1>=0.9, with one of >= <= > < =',
      },
    },
    { each: true },
  );

/** A day that is in the calendar, a time, and an offset. */
export const IsInstant = () =>
  ValidateBy({
    name: 'isInstant',
    validator: {
      validate: isInstant,
      defaultMessage: () => 'must be RFC 3339 with an offset, like 2026-03-01T11:40:02Z',
    },
  });

export class PageQuery {
  /** `next` of the page before. */
  @MayBeAbsent()
  @IsString({ message: 'must be a cursor' })
  @MaxLength(2_000, { message: 'must be a cursor' })
  after?: string;

  /** 1 to 500; absent: 50. */
  @MayBeAbsent()
  @WholeFromText()
  @Max(500, { message: 'must be a whole number, once, and at most 500' })
  @Min(1, { message: 'must be a whole number, once, and at least 1' })
  @IsInt({ message: 'must be a whole number, once' })
  limit?: number;
}

export class ListModelsQuery extends PageQuery {
  /** Part of the name. */
  @MayBeAbsent()
  @IsString({ message: 'must be text, once' })
  @MaxLength(200, { message: 'must have at most 200 characters' })
  q?: string;
}

export class ListVersionsQuery extends PageQuery {
  /** The stage they are in. */
  @MayBeAbsent()
  @IsIn(STAGES, { message: `must be one of ${STAGES.join(', ')}` })
  stage?: (typeof STAGES)[number];

  /** Their label. */
  @MayBeAbsent()
  @IsLabel()
  label?: string;

  /** Who registered them. */
  @MayBeAbsent()
  @IsActorId()
  by?: string;

  /** Part of their text. */
  @MayBeAbsent()
  @IsString({ message: 'must be text, once' })
  @MaxLength(200, { message: 'must have at most 200 characters' })
  q?: string;

  /** Conditions on evaluations on the table, like `f1>=0.9`; may be repeated. */
  @MayBeAbsent()
  @List()
  @ArrayMaxSize(20, { message: 'must be at most 20 conditions' })
  @IsMetricCondition()
  metric?: string[];
}

export class LiveQuery {
  /** RFC 3339: as it was at that instant, inclusive. Absent: now. */
  @MayBeAbsent()
  @PlusFromSpace()
  @IsInstant()
  at?: string;
}

export class FeedQuery {
  /** Only events after this position. */
  @MayBeAbsent()
  @Matches(/^\d{1,18}$/, { message: 'must be a position' })
  after?: string;

  /** Only of this stored name, like `model.Promoted`. */
  @MayBeAbsent()
  @Matches(/^[A-Za-z][A-Za-z0-9.]{0,63}$/, {
    message: 'must be the stored name of an event, like model.Promoted',
  })
  type?: string;
}

export class EventsQuery extends FeedQuery {
  /** Only of this model. */
  @MayBeAbsent()
  @IsModelName()
  model?: string;
}

export class VersionRefPath extends ModelPath {
  /** A number or a digest. */
  @IsString({ message: 'must be a number or a digest' })
  ref: string;
}

export class GetLiveDto extends LiveQuery {
  /** The model's name. */
  @IsModelName()
  model: string;
}

export class ListVersionsDto extends ListVersionsQuery {
  /** The model's name. */
  @IsModelName()
  model: string;
}

export class GetHistoryDto extends PageQuery {
  /** The model's name. */
  @IsModelName()
  model: string;
}

export class WatchLiveDto extends ModelPath {
  /** The pointer revision that the reader has: only newer ones are sent. */
  @MayBeAbsent()
  @IsInt({ message: 'must be a whole number' })
  @Min(0, { message: 'must not be negative' })
  afterRevision?: number;
}

export class ReplayDto extends FeedQuery {
  /** Goes on after the end of the log, until the reader leaves. */
  @MayBeAbsent()
  @BooleanFromText()
  @IsBoolean({ message: 'must be true or false' })
  follow?: boolean;
}

export class ReplayEventsDto extends ReplayDto implements EventsQuery {
  /** Only of this model. */
  @MayBeAbsent()
  @IsModelName()
  model?: string;
}
