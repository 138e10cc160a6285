/**
 * Puts an import behind the others of a module, and a member into a list or an object that is written as people usually do: only
 * names, nothing nested. Undefined where it is not: then a person does it.
 */
export function addTo(source: string, { line, where, member }: Addition): string | undefined {
  const place = where.exec(source)
  if (place === null) return undefined
  const [whole, before = '', inside = '', after = ''] = place
  const lines = inside.includes('\n')
  const members = inside.trim().replace(/,$/, '')
  const joined = members === '' ? member : lines ? `${members},\n${indentOf(inside)}${member}` : `${members}, ${member}`
  const space = before.trimEnd().endsWith('{') ? ' ' : ''
  const filled =
    lines && members !== ''
      ? `\n${indentOf(inside)}${joined},${/\n\s*$/.exec(inside)?.[0] ?? '\n'}`
      : `${space}${joined}${space}`
  const edited = source.replace(whole, () => `${before}${filled}${after}`)
  const imports = [...edited.matchAll(/^(?:import [^;]*?from ['"][^'"]+['"]|import ['"][^'"]+['"]);?$/gm)]
  const last = imports.at(-1)
  if (last === undefined) return `${line}\n\n${edited}`
  const end = last.index + last[0].length
  return `${edited.slice(0, end)}\n${line}${edited.slice(end)}`
}

export interface Addition {
  readonly line: string
  /** Three groups: what stands before the members, the members, and what stands behind. */
  readonly where: RegExp
  readonly member: string
}

/** `services: [notes, orders]` of a system. */
export const SERVICES = /(\bservices:\s*\[)([\w$\s,]*)(\])/
/** `resources: { notes: Note }` of a contract. */
export const RESOURCES = /(\bresources:\s*\{)([\w$\s,:]*)(\})/

function indentOf(inside: string): string {
  return /\n(\s*)\S/.exec(inside)?.[1] ?? '  '
}
