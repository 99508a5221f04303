export { CHANNELS, relayTopic, topicOf, type Channel } from './channels';
export type { ChannelsStatus, ChannelStatus, RelayRole } from './channel-status';
export type { Checkpoints, Delivered, RelayCheckpoint } from './checkpoints';
export { KafkaRelay, type KafkaRelayOptions } from './kafka/kafka-relay';
export { KafkaPublisher } from './kafka/publisher';
export { kafkaClient, type KafkaLog, type KafkaSettings } from './kafka/client';
export { Refused, type Message, type Publisher } from './publisher';
export { Relay, RelayStopped, type RelayOptions } from './relay';
