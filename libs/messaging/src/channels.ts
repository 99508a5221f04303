/** What is fanned out, each in a topic of its own. */
export const CHANNELS = ['lifecycle', 'data-science', 'engineering', 'product'] as const;
export type Channel = (typeof CHANNELS)[number];

/** The topic of a channel. The major version of what it carries is in its name: a breaking change is another topic. */
export function topicOf(prefix: string, channel: Channel): string {
  return `${prefix}.${channel}.v1`;
}

/** The topic that keeps the relay's checkpoint, and whose one partition says which worker relays. */
export function relayTopic(prefix: string): string {
  return `${prefix}.relay.v1`;
}
