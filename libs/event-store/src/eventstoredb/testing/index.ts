export type { User } from './access';
export { type EsdbCluster, startEsdbCluster } from './cluster';
export type { ShownEvent } from './control';
export { EsdbProcess } from './esdb-process';
export { type FaultKind, FAULTS, type FaultyCall } from './faults';
export { EsdbLog } from './log';
export type { LoggedEvent } from './record';
export { type EsdbServer, type EsdbServerOptions, startEsdbServer } from './server';
