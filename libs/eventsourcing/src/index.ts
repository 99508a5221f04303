export * from './event-store';
export * from './projection';
export { QueueFull } from './stream-queues';
export type { Folding } from './warm-states';
export * from './transact';
