import { Controller, Get } from '@nestjs/common';
import { Channels, Operation, shownChannel } from '@gatehouse/platform';
import { ChannelsDto } from './channels.dto';

/** What leaves through Kafka. */
@Controller('v1/channels')
export class ChannelsController {
  constructor(private readonly fanOut: Channels) {}

  /** How far each channel is behind the log, and when it was delivered to last. Empty where nothing is fanned out. */
  @Get()
  @Operation('list')
  async channels(): Promise<ChannelsDto> {
    const status = await this.fanOut.status();
    if (status === null) return { relay: null, channels: [] };
    const { role, error, channels } = status;
    return { relay: { role, ...(error !== undefined && { error }) }, channels: channels.map(shownChannel) };
  }
}
