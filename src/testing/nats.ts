import { type ChildServer, childServer } from './child-server.ts'

export interface TestNats extends ChildServer {
  readonly url: string
}

/** A NATS server with JetStream for tests, which stores what it has acknowledged in its folder; `args` are given to it too. As `childServer`. */
export async function testNats(args: readonly string[] = ['-js']): Promise<TestNats | undefined> {
  const server = await childServer({
    programs: ['nats-server'],
    args: ({ port, folder }) => ['-a', '127.0.0.1', '-p', String(port), '-sd', folder, ...args],
    ready: { on: 'stderr', line: 'Server is ready' },
  })
  return server && { ...server, url: `nats://127.0.0.1:${server.port}` }
}
