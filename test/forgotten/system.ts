import { operation, service, t } from '../../src/contract/index.ts'
import { implement } from '../../src/service/implement.ts'
import type { Handler, Unit } from '../../src/service/index.ts'
import { system } from '../../src/start/define-system.ts'

const migrations = (folder: string) => new URL(`./${folder}/`, import.meta.url)
const answer = { done: t.boolean() }

const keepers = service('keepers', {
  operations: {
    wait: operation({ method: 'PUT', path: '/waits', access: 'service', answer, timeoutMs: 60_000 }),
  },
})

/** What a handler may ask of the platform and not await yet. */
const ASKS: Readonly<Record<string, (unit: Unit) => Promise<unknown>>> = {
  statement: ({ tx }) => tx.query('select pg_sleep(60)'),
  read: ({ read }) => read.query('select 1 / 0'),
  call: ({ call }) => call(keepers).wait(),
}
const NAMES = Object.keys(ASKS)

const visitors = service('visitors', {
  operations: {
    ...Object.fromEntries(
      NAMES.flatMap((name) => [
        [`${name}Reading`, operation({ method: 'GET', path: `/${name}-readings`, access: 'public', answer })],
        [
          `${name}Writing`,
          operation({ method: 'PUT', path: `/${name}-writings`, access: 'public', answer, timeoutMs: 300 }),
        ],
      ]),
    ),
    forget: operation({ method: 'PUT', path: '/forgotten-promises', access: 'public', answer }),
    goOn: operation({ method: 'PUT', path: '/long-works', access: 'public', answer, timeoutMs: 300 }),
  },
})

const never = () => new Promise<never>(() => {})

/** Its handlers have promises of the platform that nobody awaits when they are rejected. */
export default system({
  name: 'forgotten',
  services: [
    implement(
      keepers,
      {
        async wait(_, { tx }) {
          await tx.query('select pg_sleep(60)')
          return { done: true }
        },
      },
      {
        migrations: migrations('keepers'),
        commands: {
          'doors count': {
            about: 'waits for a long time',
            async run({ tx, log, signal }) {
              await tx.query('insert into doors values (1)')
              signal.addEventListener('abort', () => log.info({}, 'aborted'))
              log.info({}, 'waiting')
              await tx.query('select pg_sleep(60)')
              return 'done'
            },
          },
        },
      },
    ),
    implement(
      visitors,
      {
        ...Object.fromEntries(
          NAMES.flatMap((name) => {
            const handler: Handler<any, any, any, any> = async (_, unit) => {
              const asked = ASKS[name]!(unit)
              // Behind it on the same connection: a read that fails has failed by then.
              await unit.read.query('select 1')
              unit.log.info({ name }, 'asked')
              await never()
              return asked
            }
            return [
              [`${name}Reading`, handler],
              [`${name}Writing`, handler],
            ]
          }),
        ),
        async forget() {
          void Promise.reject(new Error('forgotten by its handler'))
          return { done: true }
        },
        async goOn(_: unknown, { log, signal, tx }: Unit) {
          await new Promise((resolve) => signal.addEventListener('abort', resolve))
          setImmediate(() => log.info({}, 'went on'))
          await tx.query('insert into visits values (1)')
          return { done: true }
        },
      } as any,
      { migrations: migrations('visitors') },
    ),
  ],
})
