// Who may import whom (docs/architecture.md tells why). Each lib is reached by its index.ts (or /testing) only.
const lib = (name, may) => ({
  name: `${name}-imports`,
  comment: `libs/${name} may import ${may.length > 0 ? may.join(', ') : 'nothing of ours'}.`,
  severity: 'error',
  from: { path: `^libs/${name}/`, pathNot: '[.]spec[.]ts$' },
  to: { path: '^(libs|apps)/', pathNot: `^libs/(${[name, ...may].join('|')})/` },
});
const only = (name, what, where) => ({
  name,
  severity: 'error',
  from: { path: '^(apps|libs)/', pathNot: [where, '[.]spec[.]ts$', '/testing/'] },
  to: { path: what },
});

module.exports = {
  forbidden: [
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    lib('core', []),
    lib('auth', ['core', 'records']),
    lib('logging', ['core']),
    lib('files', ['core']),
    lib('records', ['core']),
    lib('cluster', ['core', 'logging']),
    lib('queue', ['core', 'cluster', 'logging', 'records']),
    lib('staging', ['core', 'cluster', 'files', 'logging', 'queue', 'records']),
    lib('methods', ['core', 'files', 'staging']),
    lib('monitoring', ['core', 'cluster', 'files', 'logging', 'queue', 'records', 'staging']),
    lib('composition', ['core', 'cluster', 'files', 'logging', 'methods', 'monitoring', 'queue', 'records', 'staging']),
    {
      name: 'no-sibling-app',
      severity: 'error',
      from: { path: '^apps/([^/]+)/' },
      to: { path: '^apps/[^/]+/', pathNot: '^apps/$1/' },
    },
    {
      name: 'worker-serves-no-users',
      comment: 'A worker answers those who watch it, with node:http alone: no framework (rule "http"), no sign-in.',
      severity: 'error',
      from: { path: '^apps/worker/' },
      to: { path: '^libs/auth/|node_modules/@nestjs/(platform-|websockets|swagger)' },
    },
    {
      name: 'no-sibling-method',
      severity: 'error',
      from: { path: '^libs/methods/src/([^/]+)/' },
      to: { path: '^libs/methods/src/[^/]+/', pathNot: '^libs/methods/src/$1/' },
    },
    {
      name: 'libs-by-their-index',
      severity: 'error',
      from: { path: '^(apps|libs)/([^/]+)/' },
      to: { path: '^libs/([^/]+)/', pathNot: ['^libs/$2/', '^libs/[^/]+/src/(testing/)?index[.]ts$'] },
    },
    {
      name: 'testing-is-for-tests',
      severity: 'error',
      from: { path: '^(apps|libs)/', pathNot: ['[.]spec[.]ts$', '/testing/'] },
      to: { path: '/testing/' },
    },
    only(
      'file-system',
      '^(node:)?fs(/promises)?$',
      // Users' data is reached through libs/files only; the others touch their own log, database file, /proc and docs.
      '^libs/files/|^libs/logging/|^libs/core/src/settings[.]ts$|^apps/api/src/(openapi|site/page[.]ts)|^libs/records/src/(processes/process-identity|database/sqlite-file)[.]ts$',
    ),
    only('typeorm', 'node_modules/(typeorm|@nestjs/typeorm)/', '^libs/records/'),
    only('tokens', 'node_modules/(jose|lru-cache)/', '^libs/auth/'),
    // Programs are run to look accounts up (getent, id) and to flush (sync), and for nothing else: no account is ever made.
    only('programs', '^(node:)?child_process$', '^libs/files/src/(accounts/account-directory|stager/flush-tree)[.]ts$'),
    only('ffi', 'node_modules/koffi/', '^libs/files/src/confined/(extended-attribute|rename-no-replace)[.]ts$'),
    only('redis', 'node_modules/(bullmq|ioredis)/', '^libs/(cluster|queue)/'),
    only('winston', 'node_modules/(winston|winston-transport)/', '^libs/logging/'),
    only('jupyter', 'node_modules/(undici|ws|eventsource-parser)/', '^libs/methods/src/jupyter-copy/'),
    only(
      'http',
      'node_modules/(express|helmet|express-rate-limit|compression|socket[.]io|@nestjs/(platform-express|platform-socket[.]io|websockets|swagger))/',
      '^apps/api/',
    ),
    {
      name: 'client-alone',
      comment: 'The page knows the service by the description of its API alone.',
      severity: 'error',
      from: { path: '^client/' },
      to: { path: '^(libs|apps)/' },
    },
    {
      name: 'nobody-imports-the-client',
      severity: 'error',
      from: { path: '^(libs|apps)/' },
      to: { path: '^client/' },
    },
    {
      name: 'client-features-alone',
      comment: 'Shared code, then features, then the app: no feature knows another.',
      severity: 'error',
      from: { path: '^client/src/features/([^/]+)/' },
      to: { path: '^client/src/(features|app)/', pathNot: '^client/src/features/$1/' },
    },
    {
      name: 'client-shared-below-features',
      severity: 'error',
      from: { path: '^client/src/(api|components|config|lib|session|texts)/' },
      to: { path: '^client/src/(features|app)/' },
    },
    { name: 'no-undeclared', severity: 'error', from: {}, to: { dependencyTypes: ['npm-no-pkg', 'unknown'] } },
  ],
  options: {
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
    doNotFollow: { path: 'node_modules' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'require', 'node', 'default', 'types'],
    },
  },
};
