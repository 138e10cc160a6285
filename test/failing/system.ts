import { Problem } from '../../src/base/errors.ts'
import { operation, service, t } from '../../src/contract/index.ts'
import { implement } from '../../src/service/implement.ts'
import { system } from '../../src/start/define-system.ts'

const done = { done: t.boolean() }
const fails = (path: string) => operation({ method: 'PUT', path, access: 'public', body: {}, answer: done })
const late = (path: string) =>
  operation({ method: 'PUT', path, access: 'public', body: {}, answer: done, timeoutMs: 900 })
const migrations = new URL('./migrations/', import.meta.url)

const contract = service('mistakes', {
  operations: {
    badSql: fails('/bad-statements'),
    nothing: fails('/empty-answers'),
    undeclared: fails('/unknown-problems'),
    wrong: fails('/wrong-answers'),
    misspelt: fails('/misspelt-answers'),
    slow: late('/slow-statements'),
    slowRead: late('/slow-reads'),
    hang: late('/hangs'),
    hide: fails('/hidden-failures'),
    pass: fails('/passed-failures'),
    passSlow: fails('/passed-hangs'),
  },
})

const vaults = service('vaults', {
  operations: {
    open: operation({
      method: 'PUT',
      path: '/openings',
      access: 'service',
      body: { slowly: t.boolean() },
      answer: done,
    }),
  },
})

/** A service with the mistakes that handlers have. */
export default system({
  name: 'mistakes',
  services: [
    implement(
      vaults,
      {
        async open({ body: { slowly } }, { tx }) {
          if (slowly) await tx.query('select pg_sleep($1)', ['60'])
          throw new Error('inner crash')
        },
      },
      { migrations },
    ),
    implement(
      contract,
      {
        async badSql(_, { tx }) {
          await tx.query('select * from nowhere where secret = $1', ['canary'])
          return { done: true }
        },
        nothing: (async () => {}) as any,
        async undeclared() {
          throw new Problem('OOPS')
        },
        wrong: (async () => ({ done: 'yes' })) as any,
        misspelt: (async () => ({ don: true })) as any,
        async slow(_, { tx }) {
          await tx.query('select 1')
          await tx.query('select pg_sleep($1)', ['60'])
          return { done: true }
        },
        async slowRead(_, { read }) {
          await read.query('select pg_sleep($1)', ['60'])
          return { done: true }
        },
        async hang(_, { tx, log }) {
          await tx.query('select 1')
          log.info({}, 'it hangs')
          return new Promise<never>(() => {})
        },
        async hide(_, { call }) {
          await call(vaults)
            .open({ body: { slowly: false } })
            .catch(() => {})
          return { done: true }
        },
        pass: (_, { call }) => call(vaults).open({ body: { slowly: false } }),
        passSlow: (_, { call }) => call(vaults).open({ body: { slowly: true } }),
      },
      { migrations },
    ),
  ],
})
