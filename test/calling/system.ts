import { Problem } from '../../src/base/errors.ts'
import { CallProblem } from '../../src/client/call-problem.ts'
import { operation, problem, service, t } from '../../src/contract/index.ts'
import { implement } from '../../src/service/implement.ts'
import { system } from '../../src/start/define-system.ts'

const migrations = new URL('./migrations/', import.meta.url)
const Code = { code: t.text() }
const Done = { done: t.boolean() }

const people = service('people', {
  operations: {
    fail: operation({ method: 'PUT', path: '/failures', access: 'service', body: Code, answer: Done }),
  },
})

const shop = service('shop', {
  operations: {
    ask: operation({ method: 'PUT', path: '/questions', access: 'public', body: Code, answer: Done }),
    translate: operation({
      method: 'PUT',
      path: '/translations',
      access: 'public',
      body: Code,
      answer: Done,
      problems: ['NO_BUYER'],
    }),
  },
  problems: { NO_BUYER: problem(409, 'There is no such buyer') },
})

/** A service that calls another, which fails as it is told to. */
export default system({
  name: 'calling',
  services: [
    implement(
      people,
      {
        async fail({ body: { code } }) {
          if (code === 'HANGS') await new Promise(() => {})
          if (code === 'NONE') return { done: true }
          throw new Problem(code, 'as people say', { details: [{ field: 'code', message: 'is theirs' }] })
        },
      },
      { migrations },
    ),
    implement(
      shop,
      {
        ask: async ({ body }, unit) => unit.call(people).fail({ body }),
        async translate({ body }, unit) {
          // What is answered has its usual second, however busy the machine is.
          const options = body.code === 'HANGS' ? { timeoutMs: 300 } : {}
          try {
            return await unit.call(people, options).fail({ body })
          } catch (error) {
            if (error instanceof CallProblem && error.code === 'NOT_FOUND') throw new Problem('NO_BUYER')
            throw error
          }
        },
      },
      { migrations },
    ),
  ],
})
