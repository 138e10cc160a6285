import { Problem } from '../../src/base/errors.ts'
import { operation, service, t } from '../../src/contract/index.ts'
import { implement } from '../../src/service/implement.ts'
import { system } from '../../src/start/define-system.ts'

const fails = (path: string) =>
  operation({ method: 'PUT', path, access: 'public', body: {}, answer: { done: t.boolean() } })

const contract = service('mistakes', {
  operations: {
    badSql: fails('/bad-statements'),
    nothing: fails('/empty-answers'),
    undeclared: fails('/unknown-problems'),
  },
})

/** A service with the mistakes that handlers have. */
export default system({
  name: 'mistakes',
  services: [
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
      },
      { migrations: new URL('./migrations/', import.meta.url) },
    ),
  ],
})
