export * from './api-key';
export * from './credential';
export * from './refused';
