import { event, operation, ownConsumer, service, t } from '../../src/contract/index.ts'
import { implement } from '../../src/service/implement.ts'
import { system } from '../../src/start/define-system.ts'

const bombs = service('bombs', {
  operations: {
    throw: operation({
      method: 'PUT',
      path: '/bombs',
      access: 'public',
      body: { name: t.text(), live: t.boolean() },
    }),
  },
  events: { 'bomb.thrown': event({ live: t.boolean() }) },
  consumers: { targets: ownConsumer(['bomb.thrown'], { attempts: 2 }) },
})

/** A service with a consumer whose handler may end the process. */
export default system({
  name: 'bombs',
  services: [
    implement(
      bombs,
      {
        async throw({ body: { name, live } }, { emit }) {
          emit('bomb.thrown', name, { live })
        },
        targets: {
          async 'bomb.thrown'({ aggregateId, data: { live } }, { tx }) {
            await tx.query('insert into landed values ($1)', [aggregateId])
            if (live) process.kill(process.pid, 'SIGKILL')
          },
        },
      },
      { migrations: new URL('./migrations/', import.meta.url) },
    ),
  ],
})
