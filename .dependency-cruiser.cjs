// The import rules of docs/architecture.md; every one an error. A folder's row says what it may reach besides itself,
// node:* and npm packages that no other row claims.
const LIBS = [
  'domain',
  'canonical',
  'eventsourcing',
  'event-store',
  'projections',
  'pointer-file',
  'messaging',
  'contracts',
  'policy',
  'identity',
  'platform',
];

/** Which of our libraries a library may import. */
const MAY = {
  domain: [],
  canonical: [],
  eventsourcing: [],
  'event-store': ['eventsourcing', 'canonical'],
  projections: ['domain', 'eventsourcing'],
  'pointer-file': ['domain', 'eventsourcing'],
  messaging: ['domain', 'eventsourcing'],
  contracts: [],
  policy: ['domain', 'canonical'],
  identity: [],
  platform: [
    'domain',
    'eventsourcing',
    'event-store',
    'projections',
    'pointer-file',
    'messaging',
    'contracts',
    'identity',
  ],
};

const TESTS = '\\.spec\\.ts$|/testing/';
const library = (name) => `^libs/${name}/`;

const onlyAllowedLibraries = Object.entries(MAY).map(([name, allowed]) => ({
  name: `${name}-imports-${allowed.join('-') || 'no-library'}`,
  severity: 'error',
  from: { path: library(name), pathNot: TESTS },
  to: {
    path: `^(apps|${LIBS.filter((other) => other !== name && !allowed.includes(other))
      .map((other) => `libs/${other}`)
      .join('|')})/`,
  },
}));

/** A package that has its homes, and no others. */
const homes = (name, packages, paths) => ({
  name,
  severity: 'error',
  from: { path: '^(apps|libs)/', pathNot: `${paths.join('|')}|${TESTS}` },
  to: { path: `^node_modules/(${packages})(/|$)`, dependencyTypesNot: ['type-only'] },
});

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    {
      name: 'no-cycles',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    { name: 'no-unresolved', severity: 'error', from: {}, to: { couldNotResolve: true } },
    ...onlyAllowedLibraries,
    {
      name: 'no-app-imports-another-app',
      severity: 'error',
      from: { path: '^apps/([^/]+)/' },
      to: { path: '^apps/', pathNot: '^apps/$1/' },
    },
    {
      name: 'libraries-are-entered-through-their-index',
      severity: 'error',
      from: { path: '^(apps|libs)/([^/]+)/' },
      to: {
        path: '^libs/([^/]+)/',
        pathNot: ['^libs/$2/', '^libs/[^/]+/src/index\\.ts$', '/testing/', '/vectors\\.json$'],
      },
    },
    {
      name: 'domain-imports-nothing',
      severity: 'error',
      from: { path: library('domain'), pathNot: TESTS },
      to: { pathNot: library('domain') },
    },
    {
      name: 'eventsourcing-imports-node-only',
      severity: 'error',
      from: { path: library('eventsourcing'), pathNot: TESTS },
      to: { pathNot: library('eventsourcing'), dependencyTypesNot: ['core'] },
    },
    {
      name: 'canonical-imports-canonicalize-and-crypto-only',
      severity: 'error',
      from: { path: library('canonical'), pathNot: TESTS },
      to: { pathNot: [library('canonical'), '^node_modules/canonicalize/', '^(node:)?crypto$'] },
    },
    homes('nest-lives-in-apps-and-platform', '@nestjs', ['^apps/', library('platform')]),
    homes('class-validator-lives-in-dto-files', 'class-validator', [
      '\\.dto\\.ts$',
      '^apps/api/src/validation\\.ts$',
    ]),
    homes('eventstore-client-lives-in-its-adapter', '@eventstore', ['^libs/event-store/src/eventstoredb/']),
    homes('kafkajs-lives-in-the-publisher', 'kafkajs', ['^libs/messaging/src/kafka/']),
    homes('what-reads-policies-lives-in-policy', '@marcbachmann/cel-js|yaml|ajv|ajv-formats', [
      library('policy'),
    ]),
    homes('tokens-are-verified-in-identity', 'jose', [library('identity')]),
    homes('better-sqlite3-lives-in-the-log-and-the-views', 'better-sqlite3', [
      '^libs/event-store/src/sqlite/',
      '^libs/projections/src/database\\.ts$',
    ]),
    {
      // The clients of servers take a tenth of a second to load, which most processes have no use for.
      name: 'adapters-of-servers-are-loaded-where-they-are-chosen',
      severity: 'error',
      from: {
        path: '^(apps|libs)/',
        pathNot: [
          TESTS,
          '^libs/event-store/src/(open\\.ts$|eventstoredb/)',
          '^libs/messaging/src/(open-relay\\.ts$|kafka/)',
        ],
      },
      to: {
        path: '^libs/(event-store/src/eventstoredb|messaging/src/kafka)/',
        pathNot: '/stream-prefix\\.ts$',
        dependencyTypesNot: ['type-only'],
      },
    },
    {
      name: 'no-test-code-in-production',
      severity: 'error',
      from: { path: '^(apps|libs)/', pathNot: TESTS },
      to: { path: TESTS },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['require', 'node', 'types'] },
  },
};
