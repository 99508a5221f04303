export * from './api-key';
export * from './claims';
export * from './credential';
export * from './oidc';
export * from './quota';
export * from './rate-limit';
export * from './refused';
