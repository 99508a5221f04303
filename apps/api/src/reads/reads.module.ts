import { Module } from '@nestjs/common';
import { BreakGlassController } from './break-glass.controller';
import { ChannelsController } from './channels.controller';
import { LiveController } from './live.controller';
import { LiveShortcut } from './live-shortcut';
import { Reads } from './reads';
import { ReadsController } from './reads.controller';
import { ReadsGrpc } from './reads.grpc';
import { Streams } from './streams';

/** The read edge: both doors to the views and the log. */
@Module({
  controllers: [BreakGlassController, ChannelsController, LiveController, ReadsController, ReadsGrpc],
  providers: [LiveShortcut, Reads, Streams],
  exports: [Reads],
})
export class ReadsModule {}
