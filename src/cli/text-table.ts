/** Rows below their heads, in columns that are as wide as need be; numbers of rows are the caller's to say. */
export function textTable(heads: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = heads.map((head, i) => Math.max(head.length, ...rows.map((row) => row[i]!.length)))
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, i) => cell.padEnd(widths[i]!))
      .join(' | ')
      .trimEnd()
  return [line(heads), widths.map((width) => '-'.repeat(width)).join('-+-'), ...rows.map(line)].join('\n')
}
