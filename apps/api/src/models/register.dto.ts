import type { Json, Manifest } from '@gatehouse/domain';
import { Allow, ArrayMaxSize, IsArray, IsDefined, IsObject, IsString, ValidateNested } from 'class-validator';
import { Type } from 'class-transformer';
import {
  AsItCame,
  IsActorId,
  IsDigest,
  IsFilledText,
  IsLabel,
  IsText,
  IsWhole,
  MayBeAbsent,
  MayBeEmpty,
} from './shapes.dto';

/** One file of a version. */
export class ArtifactDto {
  /** Its name within the version. */
  @IsFilledText()
  name: string;

  /** Where it is kept. */
  @IsFilledText()
  uri: string;

  /** `sha256:<hex>` of its content. */
  @IsDigest()
  digest: string;

  /** Its size. */
  @MayBeEmpty()
  @IsWhole(0)
  bytes?: number;
}

/** Where the code of a version is. */
export class CodeDto {
  @MayBeEmpty()
  @IsText()
  repository?: string;

  @MayBeEmpty()
  @IsText()
  revision?: string;
}

/** A dataset that went into a version. */
export class ManifestDatasetDto {
  @IsFilledText()
  name: string;

  /** What it was for, e.g. `training`. */
  @MayBeEmpty()
  @IsText()
  role?: string;

  @MayBeEmpty()
  @IsText()
  version?: string;

  /** `sha256:<hex>` of its content. */
  @MayBeEmpty()
  @IsDigest()
  digest?: string;

  /** How many records it has. */
  @MayBeEmpty()
  @IsWhole(0)
  size?: number;

  @MayBeEmpty()
  @IsText()
  source?: string;

  @MayBeEmpty()
  @IsText()
  license?: string;
}

/** What a version runs on. */
export class FrameworkDto {
  @MayBeEmpty()
  @IsText()
  name?: string;

  @MayBeEmpty()
  @IsText()
  version?: string;
}

/**
 * What a version is made of. At least one of `artifacts`, `config`, `prompt`, `retrieval` is there and not empty.
 * Absent, `null`, `""`, `[]` and `{}` are one.
 */
export class ManifestDto implements Manifest {
  @MayBeEmpty()
  @IsArray()
  @ArrayMaxSize(1_000, { message: 'must have at most 1,000 entries' })
  @IsObject({ each: true })
  @ValidateNested({ each: true })
  @Type(() => ArtifactDto)
  artifacts?: ArtifactDto[];

  @MayBeEmpty()
  @IsObject()
  @ValidateNested()
  @Type(() => CodeDto)
  code?: CodeDto;

  /** Any JSON. */
  @Allow()
  @AsItCame()
  config?: Json;

  /** Any JSON. */
  @Allow()
  @AsItCame()
  prompt?: Json;

  /** Any JSON. */
  @Allow()
  @AsItCame()
  retrieval?: Json;

  @MayBeEmpty()
  @IsArray()
  @ArrayMaxSize(1_000, { message: 'must have at most 1,000 entries' })
  @IsObject({ each: true })
  @ValidateNested({ each: true })
  @Type(() => ManifestDatasetDto)
  datasets?: ManifestDatasetDto[];

  @MayBeEmpty()
  @IsObject()
  @ValidateNested()
  @Type(() => FrameworkDto)
  framework?: FrameworkDto;

  /** The number of the earlier version that it came from. */
  @MayBeEmpty()
  @IsWhole(1)
  parent?: number;

  /** Where the run that made it can be seen. */
  @MayBeEmpty()
  @IsText()
  run?: string;
}

export class RegisterDto {
  /** A human name, unique within the model. */
  @MayBeAbsent()
  @IsLabel()
  label?: string;

  /** What changed, and why. */
  @IsString()
  @IsText()
  changelog: string;

  /** Who made it, when a pipeline registers it: they cannot approve it. */
  @MayBeAbsent()
  @IsActorId()
  author?: string;

  @IsDefined({ message: 'must be there' })
  @IsObject()
  @ValidateNested()
  @Type(() => ManifestDto)
  manifest: ManifestDto;
}
