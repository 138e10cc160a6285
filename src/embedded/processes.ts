import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'

/**
 * When a process started, as a word that no later process with the same pid has; undefined when it doesn't live.
 * A zombie counts as dead: in a container whose first process doesn't collect its orphans it stays for ever.
 */
export function startOf(pid: number): string | undefined {
  const stat = readText(`/proc/${pid}/stat`)
  if (stat) {
    // The command's name, in parentheses, may hold anything: the fields are counted from its end (proc(5): 3 and 22).
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return fields[0] === 'Z' || fields[0] === 'X' ? undefined : fields[19]
  }
  if (process.platform === 'linux' && readText('/proc/self/stat')) return undefined
  if (!isSignallable(pid)) return undefined
  // Windows has no ps: there a pid that has found another owner can't be told from its former one.
  const [state = '', ...started] = listed('-o', 'stat=,lstart=', '-p', String(pid)).trim().split(/\s+/)
  return state.startsWith('Z') ? undefined : digest(started.join(' '))
}

/** Pids mean something only within one boot and one pid namespace (container): this names ours. */
export function pidScope(): string {
  const boot = readText('/proc/sys/kernel/random/boot_id') ?? ''
  try {
    return digest(boot + readlinkSync('/proc/self/ns/pid'))
  } catch {
    return digest(boot)
  }
}

/** The living processes whose command line or title holds `text`; none where they can't be listed (Windows). */
export function processesNaming(text: string): number[] {
  if (process.platform === 'win32') return []
  if (process.platform === 'linux') {
    // The command line is open to everyone; cwd and exe of another user's process are closed even to root in a
    // container without CAP_SYS_PTRACE.
    const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name))
    return pids.filter((pid) => readText(`/proc/${pid}/cmdline`)?.includes(text)).map(Number)
  }
  const lines = listed('-axww', '-o', 'pid=,command=').split('\n')
  return lines.filter((line) => line.includes(text)).map((line) => Number.parseInt(line, 10))
}

function isSignallable(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

function listed(...args: string[]): string {
  return spawnSync('ps', args, { encoding: 'utf8', env: { ...process.env, LC_ALL: 'C' } }).stdout ?? ''
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 12)
}
