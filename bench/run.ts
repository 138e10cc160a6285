import { assertAlike } from './alike.ts'
import { openGateways } from './gateway-stage.ts'
import { measure } from './measure.ts'
import { isOfGateway, type Options, readOptions } from './options.ts'
import { say } from './progress.ts'
import { openReceipts } from './receipts-stage.ts'
import { openRemoteGateways } from './remote-gateway-stage.ts'
import { reportOf, tableOf } from './report.ts'
import type { Stage } from './stage.ts'
import { openWhole } from './whole-stage.ts'

async function main(options: Options): Promise<void> {
  const stages: Stage[] = []
  try {
    if (options.workloads.includes('W4')) stages.push(await openGateways(options))
    if (options.workloads.includes('W4 remote')) stages.push(await openRemoteGateways(options))
    if (options.workloads.includes('W3b')) stages.push(await openReceipts(options, say))
    if (!options.workloads.every((name) => name === 'W3b' || isOfGateway(name)))
      stages.push(await openWhole(options, say))
    for (const stage of stages) await assertAlike(stage)
    const results = await measure({ options, stages, say })
    const report = reportOf(results, options)
    say('')
    console.log(options.json ? JSON.stringify(report, null, 2) : tableOf(report))
    if (report.failed) process.exitCode = 1
  } finally {
    say('')
    for (const stage of stages) await stage.stop()
  }
}

try {
  const options = readOptions(process.argv.slice(2))
  if (options) await main(options)
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
}
