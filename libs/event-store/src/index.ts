export { type SqliteOptions, SqliteEventStore } from './sqlite/sqlite-event-store';
export type { OpenStore, StoreStats } from './open-store';
export { openStore } from './open';
export { type EventStoreDbOptions, EventStoreDbEventStore } from './eventstoredb/eventstoredb-event-store';
export { backup, newLogIdentity, verify, type Verified } from './sqlite/maintenance';
