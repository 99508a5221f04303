import { Transform } from 'class-transformer';
import { IsString, Matches } from 'class-validator';
import { IsWhole } from '../models/shapes.dto';

const number = ({ value }: { value: unknown }) =>
  /^[1-9]\d{0,15}$/.test(String(value)) ? Number(value) : value;

export class PolicyPath {
  /** The policy's name. */
  @Matches(/^[a-z0-9][a-z0-9._-]{0,63}$/, {
    message: 'must be 1 to 64 of a-z 0-9 . _ -, beginning with a letter or digit',
  })
  policy: string;
}

export class PolicyVersionPath extends PolicyPath {
  /** The number of a version. */
  @Transform(number)
  @IsWhole(1)
  n: number;
}

/** The version that an RPC names. */
export class NamedPolicyVersion extends PolicyPath {
  @IsWhole(1)
  version: number;
}

export class DiffPolicyDto extends NamedPolicyVersion {
  @IsWhole(1)
  from: number;
}

export class PublishPolicyDto {
  /** The policy, as YAML; for its cases, both. */
  @IsString({ message: 'must be text' })
  document: string;
}

export class DiffQuery {
  /** The number of the version to compare with. */
  @Transform(number)
  @IsWhole(1)
  from: number;
}
