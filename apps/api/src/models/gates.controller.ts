import type { Gates } from '@gatehouse/domain';
import { Operation } from '@gatehouse/platform';
import { Controller, Get, Param } from '@nestjs/common';
import { ApiOkResponse } from '@nestjs/swagger';
import { GatesDto } from '../policies/resources.dto';
import { Exchanging, type Exchange } from './exchange';
import { ModelWrites } from './model-writes';
import { VersionPath } from './path.dto';

/** How versions stand with the policy in force: judged as a command would be, not from a view. */
@Controller('v1/models/:model/versions/:n')
export class GatesController {
  constructor(private readonly writes: ModelWrites) {}

  /** Every rule of the policy in force, judged now: required, observed, and pass, fail or inconclusive. */
  @Get('gates')
  @Operation('read')
  @ApiOkResponse({ type: GatesDto })
  async gates(@Param() { model, n }: VersionPath, @Exchanging() exchange: Exchange): Promise<Gates> {
    return this.writes.gates(model, n, exchange);
  }
}
