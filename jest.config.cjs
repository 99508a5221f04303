// The path aliases of tsconfig.json are the only list of libraries; jest reads them from there.
const { compilerOptions } = require('./tsconfig.json');

const moduleNameMapper = Object.fromEntries(
  Object.entries(compilerOptions.paths).map(([alias, [file]]) => [`^${alias}$`, `<rootDir>/${file}`]),
);

/** @type {import('jest').Config} */
module.exports = {
  testEnvironment: 'node',
  roots: ['<rootDir>/apps', '<rootDir>/libs', '<rootDir>/test'],
  testMatch: ['**/*.spec.ts'],
  transform: { '^.+\\.[jt]s$': '@swc/jest' },
  // ESM-only packages that jest has to transform itself; node (20.19 and later) requires them as they are.
  transformIgnorePatterns: ['/node_modules/(?!(uuid|jose|@marcbachmann/cel-js)/)'],
  moduleNameMapper,
  reporters: ['default', '<rootDir>/test/support/closing-line.cjs'],
  testSequencer: '<rootDir>/test/support/longest-first.cjs',
  maxWorkers: 3,
  // For what hangs: a machine that is three times slower than ours passes.
  testTimeout: 180_000,
};
