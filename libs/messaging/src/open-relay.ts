import type { KafkaRelay, KafkaRelayOptions } from './kafka/kafka-relay';

/** The relay through Kafka, begun. The client of Kafka is loaded here only: most processes fan nothing out. */
export function openRelay(options: KafkaRelayOptions): KafkaRelay {
  // eslint-disable-next-line @typescript-eslint/no-require-imports -- an import would load it at every start
  const kafka = require('./kafka') as typeof import('./kafka');
  return new kafka.KafkaRelay(options);
}
