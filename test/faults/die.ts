import { writeSync } from 'node:fs'
import { Socket } from 'node:net'
import pg from 'pg'
import { DIED, type Point } from './points.ts'

// Loaded before the system (`node --import`): kills its own process at a point of DIE_AT, as `kill -9` would. The system
// itself knows nothing of it: the points are found in the statements that it sends, and in what it says to NATS.

const [point, count] = (process.env.DIE_AT ?? '').split('#') as [Point | '', string | undefined]
let left = Number(count ?? 1)
// A process may be made ready to die and told when: each SIGUSR2 arms or disarms it.
let armed = process.env.DIE_ARMED !== '0'
if (point)
  process.on('SIGUSR2', () => {
    armed = !armed
  })

function at(reached: Point): void {
  if (reached !== point || !armed || --left > 0) return
  writeSync(2, `${DIED}${reached}\n`)
  process.kill(process.pid, 'SIGKILL')
}

interface Query {
  text?: string
  /** Of a batch, which is a transaction where it does not end one. */
  steps?: readonly { readonly text: string }[]
  callback?: (...answer: unknown[]) => void
}

function textsOf({ text, steps }: Query): readonly string[] {
  const texts = steps?.map((step) => step.text) ?? [text ?? '']
  return steps === undefined || texts.at(-1) === 'commit' ? texts : ['begin', ...texts, 'commit']
}

/** What the transaction under way on a connection has done so far. */
const done = new WeakMap<object, Set<Deed>>()
type Deed = 'change' | 'effect'

const DEEDS: [RegExp, Deed][] = [
  [/^insert into lintel\.outbox/, 'change'],
  [/^update lintel\.inbox set done_at/, 'effect'],
]

function sent(client: object, text: string): void {
  if (text === 'begin') done.set(client, new Set())
  const deed = DEEDS.find(([statement]) => statement.test(text))?.[1]
  if (deed) done.get(client)?.add(deed)
  if (text === 'commit') {
    const deeds = done.get(client)
    if (deeds?.has('change')) at('before commit')
    if (deeds?.has('effect')) at('before the commit of an effect')
    // The write itself happens at the end of this turn.
    if (deeds?.has('change')) setImmediate(() => setImmediate(at, 'commit on its way'))
  }
  if (text.includes('update lintel.readers set position')) at('before moving on')
  if (text.includes('insert into lintel.inbox')) at('before storing')
  if (text.startsWith('update lintel.receivers set position')) at('before acknowledgement')
}

function answered(client: object, text: string): void {
  if (text === 'commit') {
    const deeds = done.get(client)
    if (deeds?.has('change')) at('after commit')
    if (deeds?.has('effect')) at('after the commit of an effect')
  }
  if (text.includes('update lintel.readers set holder')) at('after the lease')
  if (text.includes('update lintel.readers set position')) at('after moving on')
  if (text.startsWith('insert into effects')) at('inside a handler')
}

if (point) {
  const { query: send } = pg.Client.prototype as unknown as { query(...given: unknown[]): unknown }
  Object.assign(pg.Client.prototype, {
    query(this: object, ...given: unknown[]) {
      const query = (given[0] ?? {}) as Query
      const { callback } = query
      if (typeof query.text === 'string') {
        // A batch notes there how far it has come.
        const texts = textsOf(query)
        for (const text of texts) sent(this, text)
        if (callback)
          query.callback = function (this: unknown, ...answer) {
            if (!answer[0]) for (const text of texts) answered(client, text)
            return callback.apply(this, answer)
          }
      }
      const client = this
      return send.apply(this, given)
    },
  })
}

if (point && process.env.NATS_URL) {
  // The driver's own face gives no class to reach; this one is its public door for libraries of NATS itself.
  const { JetStreamClientImpl } = await import('@nats-io/jetstream/internal')
  const { publish } = JetStreamClientImpl.prototype
  JetStreamClientImpl.prototype.publish = async function (...given) {
    at('before publish')
    const answer = await publish.apply(this, given)
    at('after publish')
    return answer
  }
  const { write } = Socket.prototype
  Socket.prototype.write = function (this: Socket, ...given: unknown[]) {
    const [bytes] = given
    if (bytes instanceof Uint8Array && Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).includes('$JS.ACK.'))
      at('before acknowledgement')
    return Reflect.apply(write, this, given)
  } as typeof write
}
