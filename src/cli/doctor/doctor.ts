import { checksOf } from './checks.ts'

/** Prints what a system needs of this machine and this project, line by line; ends with 1 where something is wrong. */
export async function doctorCommand(file: string): Promise<void> {
  const findings = await checksOf(file)
  const width = Math.max(...findings.map(({ about }) => about.length))
  for (const { about, well, says } of findings)
    console.log(`${well ? 'ok   ' : 'wrong'}  ${about.padEnd(width)}  ${says}`)
  const wrong = findings.filter(({ well }) => !well).length
  if (wrong === 0) return
  console.error(`${wrong} ${wrong === 1 ? 'thing is' : 'things are'} wrong`)
  process.exitCode = 1
}
