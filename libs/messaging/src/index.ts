export { CHANNELS, relayTopic, topicOf, type Channel } from './channels';
export type { ChannelsStatus, ChannelStatus, RelayRole } from './channel-status';
export type { Checkpoints, Delivered, RelayCheckpoint } from './checkpoints';
export type { KafkaRelay, KafkaRelayOptions } from './kafka/kafka-relay';
export type { KafkaLog, KafkaSettings } from './kafka/client';
export { openRelay } from './open-relay';
export { Refused, type Message, type Publisher } from './publisher';
export { Relay, RelayStopped, type RelayOptions } from './relay';
