export * from './memory-event-store';
export { eventStoreContract, type OpenedStore } from './contract';
export { canonical, collect, eventOf, ids, newEvent, newEvents, take, toHead } from './contract-tools';
