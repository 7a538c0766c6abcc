// One set of compiler options for the build and for Jest, so that tests run what is shipped.
const path = require('node:path');
const { compilerOptions } = require('../tsconfig.json');

const root = path.resolve(__dirname, '..');

module.exports = {
  sourceMaps: true,
  // Threads that move files need nothing of the settings, whose schema costs each of them 8 MB and 30 ms.
  module: { type: 'commonjs', lazy: ['./settings', './describe-settings'] },
  jsc: {
    target: 'es2022',
    parser: { syntax: 'typescript', decorators: true },
    transform: { legacyDecorator: true, decoratorMetadata: true, useDefineForClassFields: false },
    keepClassNames: true,
    baseUrl: root,
    paths: compilerOptions.paths,
  },
};
