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
  @Operation('read')
  @ApiOkResponse({ type: UnreviewedListDto })
  async breakGlass(
    @Exchanging() { caller, header, set }: Exchange,
  ): Promise<{ items: Unreviewed[]; next: null }> {
    await this.reads.atLeast(header('gatehouse-at-least'));
    const position = this.reads.position();
    if (position !== undefined) set('gatehouse-position', position);
    return { items: this.reads.unreviewed(caller.tenant), next: null };
  }
}
