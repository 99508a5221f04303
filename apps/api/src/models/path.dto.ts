import { Transform } from 'class-transformer';
import { IsModelName, IsWhole } from './shapes.dto';

export class ModelPath {
  /** The model's name. */
  @IsModelName()
  model: string;
}

export class VersionPath extends ModelPath {
  /** The version's number. */
  @Transform(({ value }: { value: unknown }) =>
    /^[1-9]\d{0,15}$/.test(String(value)) ? Number(value) : value,
  )
  @IsWhole(1)
  n: number;
}

/** The version that an RPC names. */
export class ModelVersion extends ModelPath {
  @IsWhole(1)
  version: number;
}
