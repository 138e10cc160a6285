import { Fault } from '../base/errors.ts'
import type { Proofs } from '../call/proof.ts'
import { type FarService, openFarService } from '../door/far-service.ts'
import type { Log } from '../observe/log.ts'
import type { Parts } from './parts.ts'
import type { Settings } from './settings.ts'
import type { System } from './system.ts'

/** The ways to the services that run in other processes, by their names; those without a URL are not called from here. */
export async function openFarServices(
  { name: system }: System,
  { far }: Parts,
  { serviceUrls, callTransport: transport }: Settings,
  { proofs, log }: { readonly proofs: Proofs | undefined; readonly log: Log },
): Promise<ReadonlyMap<string, FarService>> {
  const opened = new Map<string, FarService>()
  for (const { contract } of far) {
    const urls = serviceUrls.get(contract.name)
    if (urls !== undefined)
      opened.set(contract.name, await openFarService(contract, { system, urls, proofs: proofs!, log, transport }))
  }
  // Closed only after every service has answered: a connection closed earlier would be reported as a fault of its service.
  const greetings = await Promise.allSettled([...opened.values()].map((one) => one.greet()))
  const reasons = greetings.flatMap((one) => (one.status === 'rejected' ? [one.reason] : []))
  if (reasons.length === 0) return opened
  await Promise.all([...opened.values()].map((one) => one.close()))
  const unexpected = reasons.find((one) => !(one instanceof Fault))
  throw unexpected ?? new Fault('WRONG_SERVICE', reasons.map(({ message }) => message).join('\n'))
}
