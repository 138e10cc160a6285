import { createPrivateKey, X509Certificate } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { sweeper } from '../base/sweeper.ts'
import type { HttpServer, TlsIdentity } from '../http/server.ts'
import type { Log } from '../observe/log.ts'
import { valueIn } from './given-settings.ts'

/** What the internal door shows to its callers over TLS, and the files that it was read from, where it was. */
export interface DoorIdentity extends TlsIdentity {
  readonly certFile: string | undefined
  readonly keyFile: string | undefined
}

/** Why the two do not go together. */
export function identityFault({ cert, key }: TlsIdentity): string | undefined {
  return new X509Certificate(cert).checkPrivateKey(createPrivateKey(key))
    ? undefined
    : 'LINTEL_DOOR_KEY is not the key of LINTEL_DOOR_CERT'
}

const LOOK_MS = 10_000

/**
 * Looks for renewed files every ten seconds: of a mounted secret or a certificate's manager nobody is told. What does not
 * go together, as while one of two files is written, is not used.
 */
export function renewIdentity(
  door: Pick<HttpServer, 'renew'>,
  first: DoorIdentity,
  log: Log,
  lookMs = LOOK_MS,
): { stop(): void } {
  const { certFile, keyFile } = first
  let seen = first.cert + first.key
  async function look() {
    const cert = certFile === undefined ? first.cert : valueIn(await readFile(certFile, 'utf8'))
    const key = keyFile === undefined ? first.key : valueIn(await readFile(keyFile, 'utf8'))
    if (cert + key === seen) return
    const fault = identityFault({ cert, key })
    if (fault !== undefined) throw new Error(fault)
    door.renew({ cert, key })
    seen = cert + key
    log.info(`the internal door has a new certificate, valid until ${new X509Certificate(cert).validTo}`)
  }
  return sweeper(look, {
    everyMs: lookMs,
    soonMs: lookMs,
    failed: (err) =>
      log.warn({ err }, 'the internal door keeps its certificate: the files of the new one cannot be used'),
  })
}
