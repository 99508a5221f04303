export { KafkaRelay } from './kafka-relay';
export { KafkaPublisher } from './publisher';
export { kafkaClient } from './client';
