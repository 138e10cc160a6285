import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { launcher } from './system-process.ts'

const { launch, folder } = launcher()
const SYSTEM = fileURLToPath(new URL('./failing/system.ts', import.meta.url))

test('FC-84 R-OPS-3: a mistake in a handler is logged with operation, statement, place and what to do; the caller gets a 500', {
  timeout: 60_000,
}, async () => {
  const system = launch('lintel', { args: ['--system', SYSTEM, 'start'], env: { LINTEL_DATA_DIR: await folder() } })
  const url = await system.url()
  for (const path of ['bad-statements', 'empty-answers', 'unknown-problems']) {
    const answer = await fetch(`${url}/${path}`, {
      method: 'PUT',
      headers: { 'content-type': 'application/json', 'x-request-id': path },
      body: '{}',
    })
    expect(answer.status).toBe(500)
    const { error } = (await answer.json()) as { error: object }
    expect(error).toEqual({ code: 'INTERNAL_ERROR', message: expect.any(String), requestId: path })
  }
  await system.line(/"requestId":"unknown-problems".*"msg":"request"/)
  const failures = new Map(
    system.lines.map((line) => JSON.parse(line)).flatMap((line) => (line.level === 50 ? [[line.requestId, line]] : [])),
  )
  expect(failures.get('bad-statements')).toMatchObject({
    operation: 'mistakes.badSql',
    statement: 'select * from nowhere where secret = $1',
    position: 15,
    at: expect.stringMatching(/test\/failing\/system\.ts:\d+:\d+$/),
    err: { message: 'relation "nowhere" does not exist' },
    msg: expect.stringContaining('correct the statement'),
  })
  expect(failures.get('empty-answers')).toMatchObject({
    operation: 'mistakes.nothing',
    err: { message: 'the handler of mistakes.nothing returned nothing: return what its contract answers' },
  })
  expect(failures.get('unknown-problems')).toMatchObject({
    operation: 'mistakes.undeclared',
    at: expect.stringMatching(/test\/failing\/system\.ts:\d+:\d+$/),
    msg: 'The problem OOPS is in no contract: declare it among the problems of the service',
  })
  expect(system.lines.join('\n')).not.toContain('canary')
})
