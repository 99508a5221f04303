export * from './event-store';
export * from './projection';
export { checkAppend } from './check-append';
export { QueueFull } from './stream-queues';
export type { Folding } from './warm-states';
export * from './standing';
export * from './transact';
export * from './follow';
export * from './slices';
