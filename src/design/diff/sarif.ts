import { type SarifLevel, sarifLog } from '../report/sarif.ts'
import type { Change } from './change.ts'
import { KINDS, type Verdict } from './kinds.ts'

/** Changes where they stand now: of what is gone, the place in the old state. */
export function sarifOf(changes: readonly Change[], version: string): object {
  const rules = Object.entries(KINDS).map(([id, { verdict, whom, why }]) => ({
    id,
    about: whom === 'nobody' ? 'Breaks nobody.' : `Concerns ${whom}.`,
    why,
    level: LEVELS[verdict],
  }))
  const results = changes.map(({ kind, verdict, where, what, why, whom, file, line, column }) => ({
    rule: kind,
    level: LEVELS[verdict],
    text: `${where} ${what}. ${whom === 'nobody' ? '' : `${verdict === 'breaking' ? 'Breaks' : 'May break'} ${whom}: `}${why}`,
    file,
    line,
    column,
    where,
  }))
  return sarifLog('lintel diff', version, rules, results)
}

const LEVELS: Record<Verdict, SarifLevel> = { breaking: 'error', risky: 'warning', compatible: 'note' }
