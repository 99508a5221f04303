// Lets plain `node` (and the worker threads it starts) load our TypeScript sources, so that a test runs
// the same worker file that production runs. `NODE_OPTIONS=--require=./test/support/typescript.cjs`.
const { join } = require('node:path');
const { transformFileSync } = require('@swc/core');
const { register } = require('tsconfig-paths');
const { compilerOptions } = require('../../tsconfig.json');

register({ baseUrl: join(__dirname, '../..'), paths: compilerOptions.paths });

require.extensions['.ts'] = (module, filename) => {
  module._compile(transformFileSync(filename).code, filename);
};
