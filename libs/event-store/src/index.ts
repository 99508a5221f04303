export { type SqliteOptions, SqliteEventStore } from './sqlite/sqlite-event-store';
export type { WriterStats } from './sqlite/writer';
export { backup, newLogIdentity, verify, type Verified } from './sqlite/maintenance';
