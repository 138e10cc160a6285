import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { launcher } from './system-process.ts'

const { launch, folder } = launcher()
const SYSTEM = fileURLToPath(new URL('./calling/system.ts', import.meta.url))

test('FC-77 R-P-8: a failure of a service that was called is not the client’s, unless the handler says so; the log has the original', {
  timeout: 60_000,
}, async () => {
  const system = launch('lintel', { args: ['--system', SYSTEM, 'start'], env: { LINTEL_DATA_DIR: await folder() } })
  const url = await system.url()
  const ask = async (path: string, code: string) => {
    const answer = await fetch(`${url}/${path}`, {
      method: 'PUT',
      headers: { 'content-type': 'application/json', 'x-request-id': `${path}-${code}` },
      body: JSON.stringify({ code }),
    })
    const { error } = (await answer.json()) as { error: { code: string; message: string } }
    return { status: answer.status, retryAfter: answer.headers.get('retry-after'), ...error }
  }
  const badGateway = { status: 502, code: 'BAD_GATEWAY', message: 'An upstream service failed' }
  for (const [code, answer] of [
    ['UNAUTHENTICATED', badGateway],
    ['VALIDATION_ERROR', badGateway],
    ['RATE_LIMITED', badGateway],
    ['NOT_FOUND', badGateway],
    ['OOPS', badGateway],
    ['SERVICE_UNAVAILABLE', { status: 503, code: 'SERVICE_UNAVAILABLE', retryAfter: '1' }],
    ['HANGS', { status: 504, code: 'GATEWAY_TIMEOUT' }],
  ] as const) {
    const seen = await ask('questions', code)
    expect(seen).toMatchObject(answer)
    expect(JSON.stringify(seen)).not.toContain('people say')
    expect(seen).not.toHaveProperty('details')
  }
  expect(await ask('translations', 'NOT_FOUND')).toMatchObject({ status: 409, code: 'NO_BUYER' })
  expect(await ask('translations', 'UNAUTHENTICATED')).toMatchObject(badGateway)

  await system.line(/"requestId":"translations-UNAUTHENTICATED".*"msg":"request"/)
  const warned = new Map(
    system.lines.map((line) => JSON.parse(line)).flatMap((line) => (line.level === 40 ? [[line.requestId, line]] : [])),
  )
  for (const code of ['UNAUTHENTICATED', 'VALIDATION_ERROR', 'RATE_LIMITED', 'NOT_FOUND', 'SERVICE_UNAVAILABLE'])
    expect(warned.get(`questions-${code}`)).toMatchObject({
      operation: 'shop.ask',
      err: { code, operation: 'people.fail', message: expect.stringContaining('as people say') },
    })
  expect(warned.get('questions-OOPS')).toMatchObject({ err: { code: 'INTERNAL_ERROR', operation: 'people.fail' } })
  expect(warned.get('questions-HANGS')).toMatchObject({ err: { code: 'GATEWAY_TIMEOUT', operation: 'people.fail' } })
})
