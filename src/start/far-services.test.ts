import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import shop from '../../system.ts'
import { createProofs } from '../call/proof.ts'
import { createLog } from '../observe/log.ts'
import { openFarServices } from './far-services.ts'
import { partsOf } from './parts.ts'
import { readSettings } from './settings.ts'

test('R-OPS-4: a start that meets several wrong doors names all of them, and blames none that is sound', async () => {
  const strange = createServer((_, res) => res.end('hello'))
  const slower = createServer((_, res) => setTimeout(() => res.writeHead(404).end(), 100))
  const urls: string[] = []
  for (const server of [strange, slower]) {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => void server.close())
    urls.push(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
  }
  const warnings: unknown[] = []
  const log = await createLog('silent')
  log.warn = (...line: unknown[]) => void warnings.push(line)
  const env = { USERS_URL: urls[0]!, ORDERS_URL: urls[1]! }
  const opened = openFarServices(shop, partsOf(shop, ['gateway']), readSettings(env, ['users', 'orders']), {
    proofs: createProofs(['k'.repeat(32)]),
    log,
  })
  await expect(opened).rejects.toMatchObject({
    code: 'WRONG_SERVICE',
    message: `${urls[0]} is no internal door of the users service: it answered with status 200\n${urls[1]} is no internal door of the orders service: it answered with status 404`,
  })
  expect(warnings).toEqual([])
})
