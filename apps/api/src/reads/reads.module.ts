import { Module } from '@nestjs/common';
import { BreakGlassController } from './break-glass.controller';
import { ChannelsController } from './channels.controller';
import { FeedsController } from './feeds.controller';
import { FeedsGrpc } from './feeds.grpc';
import { LiveController } from './live.controller';
import { LiveShortcut } from './live-shortcut';
import { Reads } from './reads';
import { ReadsController } from './reads.controller';
import { ReadsGrpc } from './reads.grpc';
import { StillAdmitted } from '../access/still-admitted';
import { Streams } from './streams';
import { TextStreams } from './text-streams';

/** The read edge: both doors to the views and the log. */
@Module({
  controllers: [
    BreakGlassController,
    ChannelsController,
    FeedsController,
    FeedsGrpc,
    LiveController,
    ReadsController,
    ReadsGrpc,
  ],
  providers: [LiveShortcut, Reads, StillAdmitted, Streams, TextStreams],
  exports: [Reads, StillAdmitted, TextStreams],
})
export class ReadsModule {}
