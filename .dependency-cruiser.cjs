/** The rooms, lowest first: a room imports only rooms before it. Rooms of one group don't know each other. */
const ORDER = [
  ['base'],
  ['contract'],
  ['resilience', 'design'],
  ['client'],
  ['redis'],
  ['limits', 'cache', 'auth', 'observe', 'embedded', 'pages'],
  ['mail'],
  ['call'],
  ['data'],
  ['events'],
  ['service'],
  ['users'],
  ['http'],
  ['gateway', 'door'],
  ['proxy'],
  ['start'],
  ['cli', 'testing'],
]

const forbidden = ORDER.flatMap((group, level) =>
  group.map((room) => ({
    name: `${room}-imports-downwards`,
    severity: 'error',
    from: { path: `^src/${room}/`, pathNot: '\\.test\\.ts$' },
    to: {
      path: `^src/(${[
        ...ORDER.slice(level)
          .flat()
          .filter((other) => other !== room),
      ].join('|')})/`,
    },
  })),
)

/** Each driver has one importer. */
const drivers = {
  '^pg$': '^src/data/',
  '^jose$': '^src/auth/jwt',
  '^@node-rs/argon2': '^src/auth/passwords',
  '^pino': '^src/observe/',
  '^commander$': '^src/cli/',
  '^nodemailer$': '^src/mail/smtp',
  '^@redis/client$': '^src/redis/client',
  '^@nats-io/': '^src/events/nats-',
  '^prom-client$': '^src/observe/metrics',
  '^undici$': '^src/http/pool',
  '^yaml$': '^src/base/yaml-text',
  '^@opentelemetry/': '^src/observe/opentelemetry',
  '^@bufbuild/protobuf': '^src/door/grpc/',
}

module.exports = {
  forbidden: [
    ...forbidden,
    ...Object.entries(drivers).map(([driver, room]) => ({
      name: `one-importer-of-${driver.replace(/\W/g, '')}`,
      severity: 'error',
      from: { path: '^src/', pathNot: [room, '\\.test\\.ts$'] },
      to: { path: `${driver.replace('$', '').replace('^', 'node_modules/')}/` },
    })),
    {
      name: 'no-circles',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    {
      name: 'services-import-contracts-only',
      severity: 'error',
      from: { path: '^services/([^/]+)/', pathNot: '\\.test\\.ts$' },
      to: { path: '^services/([^/]+)/', pathNot: ['^services/$1/', '/contract\\.ts$'] },
    },
    {
      name: 'services-use-the-package-by-its-name',
      severity: 'error',
      from: { path: '^(services|examples)/', pathNot: '\\.test\\.ts$' },
      to: { path: '^src/', dependencyTypes: ['local'] },
    },
  ],
  options: {
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      conditionNames: ['lintel-source', 'import', 'node', 'default'],
      exportsFields: ['exports'],
    },
    doNotFollow: { path: 'node_modules' },
  },
}
