import { ApiProperty } from '@nestjs/swagger';
import type { Readiness, ShownChannel } from './health';

// What is answered about the process, as classes: OpenAPI is generated from them.

export class ChannelDto implements ShownChannel {
  topic: string;
  /** The log up to here has been delivered; null: not known. */
  position: string | null;
  /** Positions between that and the end of the log. */
  lag: string | null;
  /** When its last message was acknowledged. */
  lastDeliveryAt: string | null;
  state: 'live' | 'behind' | 'failing' | 'stopped' | 'unknown';
  error?: string;
}

type Follower = Readiness['followers'][number];

/** What leads something along the log: the views, the pointer files. */
export class FollowerDto implements Follower {
  name: string;
  state: string;
  position: string;
  /** Positions between that and the end of the log. */
  lag: string;
  lastEventAt: string | null;
  error?: string;
}

export class ReadinessDto implements Readiness {
  ready: boolean;
  /** What keeps it from being ready. */
  @ApiProperty({ type: [String] })
  because: readonly string[];
  /** Whether the log takes writes. */
  writable: boolean;
  @ApiProperty({ type: () => [FollowerDto] })
  followers: readonly FollowerDto[];
  /** What is worth a look, and keeps nobody from being ready. */
  @ApiProperty({ type: [String] })
  degraded: readonly string[];
  /** Absent where nothing is fanned out. */
  @ApiProperty({ type: () => [ChannelDto] })
  channels?: readonly ChannelDto[];
}

export class AliveDto {
  status: 'ok';
}
