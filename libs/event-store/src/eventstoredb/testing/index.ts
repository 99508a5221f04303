export * from './log';
export * from './record';
export * from './server';
