export * from './events';
export * from './codec';
export * from './pointer';
