import { nearestName } from '../base/known-names.ts'

/** What the URL of a server may say of TLS. */
const PARAMETERS = ['sslmode', 'sslrootcert', 'sslcert', 'sslkey', 'sslnegotiation', 'ssl']
/** Of short names every other short one would be a misspelling. */
const LONG_NAMES = PARAMETERS.filter((name) => name !== 'ssl')
/** All of them but the last two verify the server, its name included, whatever libpq makes of them. */
const MODES = ['prefer', 'require', 'verify-ca', 'verify-full', 'no-verify', 'disable']

/**
 * What is wrong with the TLS of a URL, as the end of a sentence. The driver passes over a parameter that it does not know, and so
 * would connect without TLS; of a mode that it does not know it makes whatever it likes.
 */
export function tlsFault(url: string): string | undefined {
  const query = queryOf(url)
  for (const name of query.keys()) {
    const meant = PARAMETERS.includes(name) ? undefined : nearestName(name, LONG_NAMES)
    if (meant !== undefined || (/ssl|tls/i.test(name) && !PARAMETERS.includes(name)))
      return `its parameter ${name} is unknown (did you mean ${meant ?? 'sslmode'}?)`
  }
  if (query.has('uselibpqcompat'))
    return 'uselibpqcompat is not supported: sslmode=no-verify is TLS without verification'
  const ssl = query.get('ssl')
  if (ssl !== null && !['true', '1', '0'].includes(ssl)) return `ssl is "${ssl}": give sslmode instead`
  const { from, mode } = modeOf(query)
  if (mode !== undefined && !MODES.includes(mode)) return `${from} is "${mode}": expected one of ${MODES.join(', ')}`
  return undefined
}

/** Whether anybody in between could be taken for the server. */
export function isUnverified(url: string): boolean {
  return modeOf(queryOf(url)).mode === 'no-verify'
}

/** As the driver understands it now and in versions to come: modes that verify less elsewhere mean the same as here. */
export function pinned(url: string): string {
  return url.replace(/([?&]sslmode=)(prefer|require|verify-ca)(?=&|#|$)/, '$1verify-full')
}

/** Why TLS to the server failed; undefined where that was not the reason. */
export function tlsReason(error: unknown): string | undefined {
  const { code = '', message } = error as { code?: string; message: string }
  if (message === 'The server does not support SSL connections') return 'it offers no TLS'
  return /CERT|^UNABLE_TO_|^ERR_(TLS|SSL)_/.test(code) ? message : undefined
}

function queryOf(url: string): URLSearchParams {
  return new URLSearchParams(url.split('?')[1])
}

function modeOf(query: URLSearchParams): { from: string; mode: string | undefined } {
  const mode = query.get('sslmode')
  return mode === null ? { from: 'PGSSLMODE', mode: process.env.PGSSLMODE || undefined } : { from: 'sslmode', mode }
}
