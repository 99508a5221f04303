export * from './caller';
export * from './caller.guard';
export * from './edge-problem';
export * from './metrics';
export * from './request-context';
export * from './store.tokens';
