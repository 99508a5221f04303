import { Operation } from '@gatehouse/platform';
import type { Unreviewed } from '@gatehouse/projections';
import { Controller, Get } from '@nestjs/common';
import { ApiOkResponse } from '@nestjs/swagger';
import { UnreviewedListDto } from '../policies/resources.dto';
import { Exchanging, type Exchange } from '../models/exchange';
import { Reads } from './reads';

/** Who broke the glass. */
@Controller('v1/break-glass')
export class BreakGlassController {
  constructor(private readonly reads: Reads) {}

  /** The promotions by break-glass that wait for the review of a second person. */
  @Get()
  @Operation('list')
  @ApiOkResponse({ type: UnreviewedListDto })
  async breakGlass(@Exchanging() exchange: Exchange): Promise<{ items: Unreviewed[]; next: null }> {
    await this.reads.upToDate(exchange);
    return { items: this.reads.unreviewed(exchange.caller), next: null };
  }
}
