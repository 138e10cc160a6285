import { stat } from 'node:fs/promises'
import { join } from 'node:path'

export interface FolderWatch {
  /** What is wrong with the folder; undefined while it is there. */
  readonly lost: string | undefined
  /** Looks now, and returns what `lost` is then. */
  look(): Promise<string | undefined>
  stop(): void
}

export interface FolderWatchOptions {
  /** Told when the folder goes, and when it is back. */
  changed(message: string): void
  /** 1,000. */
  readonly everyMs?: number
}

/**
 * Watches that the files of a cluster are still there (FC-61). A server whose folder was deleted goes on for up to a minute:
 * its files are open, and it says COMMIT to what no restart will find.
 */
export async function watchFolder(folder: string, options: FolderWatchOptions): Promise<FolderWatch> {
  const { changed, everyMs = 1_000 } = options
  const { ino } = await stat(folder, { bigint: true })
  let lost: string | undefined
  let stopped = false
  const look = async () => {
    const found = await whatIsWrong(folder, ino)
    if (stopped) return lost
    if (found !== lost)
      changed(
        found === undefined
          ? `the data folder ${folder} is back: writes are kept again`
          : `${found}: ${folder}. What is written from now on would be lost, and is refused with 503. Bring the folder back, or restart`,
      )
    lost = found
    return lost
  }
  const again = async () => {
    await look()
    if (!stopped) timer = setTimeout(again, everyMs).unref()
  }
  let timer = setTimeout(again, everyMs).unref()
  return {
    get lost() {
      return lost
    },
    look,
    stop() {
      stopped = true
      clearTimeout(timer)
    },
  }
}

/** Not postmaster.pid: a server that was shut down by somebody else has removed it, and the data is all there. */
async function whatIsWrong(folder: string, ino: bigint): Promise<string | undefined> {
  try {
    if ((await stat(folder, { bigint: true })).ino !== ino) return 'the data folder is another one now'
    await stat(join(folder, 'global', 'pg_control'))
    return undefined
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    return code === 'ENOENT' || code === 'ENOTDIR' ? 'the data folder is gone' : undefined
  }
}
