import { job, operation, service, t } from '../../src/contract/index.ts'
import { type Handlers, implement } from '../../src/service/index.ts'
import { system } from '../../src/start/define-system.ts'

const note = { text: t.text() }

/** A service with jobs of each kind; what they have done is in its table `kept`. */
const notes = service('notes', {
  operations: {
    ask: operation({ method: 'PUT', path: '/notes/{id}', access: 'public', body: note, answer: note }),
  },
  jobs: {
    keep: job({ data: note, attempts: 2 }),
    count: job({ data: note, timeoutMs: 1_000 }),
    mail: job({ data: note }),
    die: job({ attempts: 2 }),
    tidy: job({ everyMs: 86_400_000 }),
  },
})

const handlers: Handlers<typeof notes> = {
  async ask({ params, body }, { tx, enqueue }) {
    await tx.query('insert into kept (text) values ($1)', [`asked ${body.text}`])
    switch (params.id) {
      case 'wrong':
        enqueue('keep', { text: 5 } as never)
        break
      case 'strange':
        enqueue('kept' as never, {} as never)
        break
      case 'schedule':
        enqueue('tidy', {})
        break
      case 'delay':
        enqueue('keep', body, { delayMs: -1 })
        break
      case 'keyed':
        enqueue('keep', body, { key: 'a', delayMs: 3_600_000 })
        break
      case 'mail':
        enqueue('mail', body)
        break
      case 'count':
        enqueue('count', body)
        break
      case 'die':
        enqueue('die', {})
        break
      default:
        enqueue('keep', body)
    }
    return body
  },
  async keep({ data: { text }, attempt, isLast }, { tx, run, requestId, read }) {
    await run((unit) => unit.tx.query('insert into kept (text) values ($1)', [`before ${text}`]))
    const before = await read.query('select 1 as one from kept where text = $1', [`before ${text}`])
    await run((unit) =>
      unit.tx.query('insert into kept (text) values ($1)', [
        `${text}: ${requestId}, attempt ${attempt}${isLast ? ', the last' : ''}, ${before.length} before`,
      ]),
    )
    await tx.query('insert into kept (text) values ($1)', [`kept ${text}`])
    if (text === 'broken') throw new Error('no')
  },
  async count({ data }, { tx }) {
    await tx.query('insert into kept (text) values ($1)', [`counted ${data.text}`])
    await tx.query('select pg_sleep(0.01)')
  },
  async mail() {},
  async die() {
    process.kill(process.pid, 'SIGKILL')
  },
  async tidy(_, { tx }) {
    await tx.query(`insert into kept (text) values ('tidied')`)
  },
}

const migrations = new URL('./migrations/', import.meta.url)
export default system({ services: [implement(notes, handlers, { migrations, mailers: ['mail'] })] })
