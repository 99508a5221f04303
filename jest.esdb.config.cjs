// `npm run test:esdb`: what needs an EventStoreDB that is there, at ESDB_URL. Not part of `npm test`.
const base = require('./jest.config.cjs');

/** @type {import('jest').Config} */
module.exports = {
  ...base,
  roots: ['<rootDir>/test/esdb'],
  testMatch: ['**/*.esdb.ts'],
  globalSetup: '<rootDir>/test/esdb/url.cjs',
  // A server that is far away, or small.
  testTimeout: 120_000,
  maxWorkers: 1,
};
