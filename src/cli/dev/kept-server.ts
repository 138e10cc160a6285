import { type EmbeddedOptions, type EmbeddedPostgres, startEmbeddedPostgres } from '../../embedded/postgres.ts'

/** The embedded PostgreSQL of `lintel dev`: it starts when a system first needs one, and stays until the command ends. */
export interface KeptServer {
  /** The one that runs on this folder; started where there is none, or one on another folder. */
  open(options: EmbeddedOptions): Promise<EmbeddedPostgres>
  /** Resolves with a message when it ended by itself. */
  readonly died: Promise<string>
  /** Why nothing that is written would be kept. */
  lost(): string | undefined
  stop(): Promise<void>
}

export function keptServer(): KeptServer {
  let opened: Promise<EmbeddedPostgres> | undefined
  let dataDir: string | undefined
  let server: EmbeddedPostgres | undefined
  let over = false
  let tellDeath: (message: string) => void
  const died = new Promise<string>((resolve) => {
    tellDeath = resolve
  })

  async function start(options: EmbeddedOptions): Promise<EmbeddedPostgres> {
    const started = await startEmbeddedPostgres(options)
    server = started
    void started.died.then(tellDeath)
    return started
  }

  const stop = async () => {
    await opened?.then((one) => one.stop()).catch(() => {})
    opened = undefined
    server = undefined
  }
  return {
    async open(options) {
      if (over) throw new Error('lintel dev is ending')
      if (options.dataDir !== dataDir) await stop()
      dataDir = options.dataDir
      opened ??= start(options).catch((error) => {
        opened = undefined
        throw error
      })
      return opened
    },
    died,
    lost: () => server?.lost(),
    stop() {
      over = true
      return stop()
    },
  }
}
