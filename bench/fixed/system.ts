import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { implement } from '../../src/service/implement.ts'
import { system } from '../../src/start/define-system.ts'
import { work, works } from './works.ts'

const handlers = {
  async work() {
    await work()
    return { done: true }
  },
}

/** What is asked of it costs no database, but it has one, as each service does. It runs in the repository's folder. */
export default system({
  name: 'fixed',
  services: [implement(works, handlers, { migrations: pathToFileURL(resolve('bench/fixed/migrations/')) })],
})
