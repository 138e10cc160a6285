import { type SourceWatch, watchSources } from './watch-sources.ts'

/** What has changed of a system's files since it was last asked. */
export interface Changes extends SourceWatch {
  take(): string[]
  /** Whether there is something to take. */
  readonly waiting: boolean
  /** `listener` is called when there is something to take, and at once where there is already. */
  onChange(listener: () => void): void
}

export function collectChanges(file: string): Changes {
  const changed = new Set<string>()
  let tell = () => {}
  const watch = watchSources(file, (files) => {
    for (const one of files) changed.add(one)
    tell()
  })
  return {
    ...watch,
    get waiting() {
      return changed.size > 0
    },
    take() {
      const files = [...changed]
      changed.clear()
      return files
    },
    onChange(listener) {
      tell = listener
      if (changed.size > 0) listener()
    },
  }
}
