export { type SqliteOptions, SqliteEventStore } from './sqlite/sqlite-event-store';
export type { OpenStore, StoreStats } from './open-store';
export { openEventStoreDb, openStore } from './open';
export { STREAM_PREFIX, STREAM_PREFIX_MEANS } from './eventstoredb/stream-prefix';
export { backup, newLogIdentity, verify, type Verified } from './sqlite/maintenance';
export { migrate, type Migrated, type MigrationOptions, type MigrationProgress } from './migration/migrate';
export { MigrationRefused } from './migration/refused';
export type { LogSummary } from './migration/summing';
