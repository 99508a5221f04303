export { type SqliteOptions, SqliteEventStore } from './sqlite/sqlite-event-store';
export type { WriterStats } from './sqlite/writer';
export { backup, newLogIdentity, verify, type Verified } from './sqlite/maintenance';
export { EventStoreDbEventStore } from './eventstoredb/eventstoredb-event-store';
export { migrate, type Migrated, type MigrationOptions, type MigrationProgress } from './migration/migrate';
export { MigrationRefused } from './migration/refused';
export type { LogSummary } from './migration/summing';
