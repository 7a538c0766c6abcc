const swcOptions = require('./scripts/swc-options.cjs');
const { compilerOptions } = require('./tsconfig.json');

const aliases = Object.fromEntries(
  Object.entries(compilerOptions.paths).map(([alias, [file]]) => [`^${alias}$`, file.replace('./', '<rootDir>/')]),
);
const shared = {
  rootDir: __dirname,
  testEnvironment: 'node',
  transform: {
    '\\.ts$|/node_modules/jose/.+\\.js$': [
      '@swc/jest',
      { ...swcOptions, jsc: { ...swcOptions.jsc, baseUrl: undefined, paths: undefined } },
    ],
  },
  // These come as ES modules only, which Jest does not load as they are.
  transformIgnorePatterns: ['/node_modules/(?!jose/)'],
  moduleNameMapper: aliases,
  modulePathIgnorePatterns: ['<rootDir>/dist/'],
  setupFilesAfterEnv: ['<rootDir>/test/support/second-chance.cjs'],
  // Worker threads and whole processes run the compiled code, so that it is built afresh before any test.
  globalSetup: '<rootDir>/test/support/build.cjs',
};

module.exports = {
  testTimeout: 30_000,
  // Most tests wait for other processes: one core less, as is usual, would leave two-core machines with a single worker.
  maxWorkers: '100%',
  testSequencer: '<rootDir>/test/support/long-first-sequencer.cjs',
  reporters: ['default', '<rootDir>/test/support/closing-line-reporter.cjs'],
  projects: [
    {
      ...shared,
      displayName: 'unit',
      testMatch: ['<rootDir>/{apps,libs}/**/*.spec.ts', '<rootDir>/test/project/*.spec.ts'],
    },
    { ...shared, displayName: 'e2e', testMatch: ['<rootDir>/test/e2e/**/*.e2e-spec.ts'] },
  ],
};
