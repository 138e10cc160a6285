import { type ChildServer, childServer } from './child-server.ts'

export interface TestRedis extends Omit<ChildServer, 'folder'> {
  readonly url: string
}

/** A Redis server for tests, `redis-server` or `valkey-server`, that keeps nothing on disk; `args` are given to it too. As `childServer`. */
export async function testRedis(args: readonly string[] = []): Promise<TestRedis | undefined> {
  const server = await childServer({
    programs: ['redis-server', 'valkey-server'],
    args: ({ port, folder }) => [
      ...['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', folder],
      ...args,
    ],
    ready: { on: 'stdout', line: 'Ready to accept connections' },
  })
  return server && { ...server, url: `redis://127.0.0.1:${server.port}` }
}
