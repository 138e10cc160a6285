import { createHash, createHmac, pbkdf2Sync, randomBytes } from 'node:crypto'
import type pg from 'pg'
import { Fault } from '../base/errors.ts'
import { addressOf, connect, urlFor } from './connection.ts'

export { waitForServer } from './connection.ts'

export interface ProvisionOptions {
  /** In front of the names of database and role; `lintel`. */
  prefix?: string
}

/**
 * Makes what is missing of a service's own database and role (R-P-1), both named `<prefix>_<service>`, and answers the
 * URL to use. The role owns its database; nobody else's role may connect to it. The role's password follows from the
 * administrator's, so every replica knows it; where the server asks the administrator for none, the role has none.
 * May be called by many replicas at once. When all is there already it costs one login and one query.
 *
 * Faults: DATABASE_NAME, DATABASE_NOT_ALLOWED, and those of `connect`.
 *
 * ```ts
 * const url = await provision('postgres://postgres:secret@db:5432/postgres', 'orders')
 * // postgres://lintel_orders:…@db:5432/lintel_orders
 * ```
 */
export async function provision(adminUrl: string, service: string, options: ProvisionOptions = {}): Promise<string> {
  const url = serviceUrl(adminUrl, service, options)
  if (await isProvisioned(url)) return url
  const { user: name, password } = addressOf(url) as { user: string; password: string | undefined }
  const admin = await connect(adminUrl)
  try {
    await admin.query(`select pg_advisory_lock(hashtextextended('lintel provision ' || $1, 0))`, [name])
    await makeRole(admin, name, password)
    await makeDatabase(admin, name)
    await makeSchema(urlFor(adminUrl, name), name)
  } catch (error) {
    throw notAllowed(error, name, service, admin.user)
  } finally {
    await admin.end()
  }
  // The server may refuse the role where it lets the administrator in: `peer` and `cert` ask no password.
  await (await connect(url)).end()
  return url
}

/** What `provision` answers, without asking the server. */
export function serviceUrl(adminUrl: string, service: string, { prefix = 'lintel' }: ProvisionOptions = {}): string {
  const name = databaseName(prefix, service)
  const { password: secret } = addressOf(adminUrl)
  const password = secret && createHmac('sha256', secret).update(`lintel role ${name}`).digest('base64url')
  return urlFor(adminUrl, name, { user: name, password })
}

/** Fault DATABASE_NAME where PostgreSQL would take another name than this, or none. */
export function databaseName(prefix: string, service: string): string {
  const name = `${prefix}_${service}`.replaceAll('-', '_')
  // PostgreSQL would cut a longer one in silence, and two services could meet.
  if (/^[a-z][a-z0-9_]{0,62}$/.test(name)) return name
  throw new Fault(
    'DATABASE_NAME',
    `"${name}" is not a valid database name: expected at most 63 lower-case letters, digits and underscores. ` +
      'Rename the service, or shorten the prefix.',
  )
}

const READY = `
select d.datdba = r.oid and not r.rolsuper and not has_database_privilege('public', d.oid, 'connect')
  and coalesce(n.nspowner = r.oid, false) as ready
from pg_database d join pg_roles r on r.rolname = current_user left join pg_namespace n on n.nspname = 'lintel'
where d.datname = current_database()`

/** Asked as the role itself: that its login works is half of the answer. */
async function isProvisioned(url: string): Promise<boolean> {
  let client: pg.Client
  try {
    client = await connect(url)
  } catch (error) {
    if (error instanceof Fault && ['DATABASE_LOGIN_REFUSED', 'DATABASE_MISSING'].includes(error.code)) return false
    throw error
  }
  try {
    return (await client.query<{ ready: boolean }>(READY)).rows[0]!.ready
  } finally {
    await client.end()
  }
}

async function makeRole(admin: pg.Client, name: string, password: string | undefined): Promise<void> {
  const { rows } = await admin.query<{ rolsuper: boolean }>('select rolsuper from pg_roles where rolname = $1', [name])
  const secret = password === undefined ? 'null' : `'${scramVerifier(password)}'`
  await admin.query(`${rows[0] ? 'alter' : 'create'} role ${name} login password ${secret}`)
  if (rows[0]?.rolsuper) await admin.query(`alter role ${name} nosuperuser`)
  const me = await admin.query<{ super: boolean }>(
    'select rolsuper as super from pg_roles where rolname = current_user',
  )
  // Only a member of the role may give it a database; superusers are members of all.
  if (!me.rows[0]!.super) await admin.query(`grant ${name} to current_user`)
}

/** What PostgreSQL keeps of a password (RFC 5803). Sent in its place, so that no statement log ever holds the password. */
function scramVerifier(password: string): string {
  const [salt, iterations] = [randomBytes(16), 4096]
  const salted = pbkdf2Sync(password, salt, iterations, 32, 'sha256')
  const hmac = (text: string) => createHmac('sha256', salted).update(text).digest()
  const storedKey = createHash('sha256').update(hmac('Client Key')).digest('base64')
  return `SCRAM-SHA-256$${iterations}:${salt.toString('base64')}$${storedKey}:${hmac('Server Key').toString('base64')}`
}

/** Code point order and Unicode letters everywhere: by PostgreSQL itself from 17 on, else by the system, if it can. */
const LOCALES = {
  builtin: [`locale_provider builtin builtin_locale 'C.UTF-8' locale 'C'`],
  system: [`locale_provider libc locale 'C.UTF-8'`, ''],
}
const INVALID_LOCALE = '42809'

async function makeDatabase(admin: pg.Client, name: string): Promise<void> {
  const { rows } = await admin.query<{ version: number; exists: boolean }>(
    `select current_setting('server_version_num')::int as version,
      exists (select from pg_database where datname = $1) as exists`,
    [name],
  )
  const { version, exists } = rows[0]!
  if (exists) await admin.query(`alter database ${name} owner to ${name}`)
  else {
    const [locale, otherwise] = version >= 17_00_00 ? LOCALES.builtin : LOCALES.system
    const create = (how: string) =>
      admin.query(`create database ${name} owner ${name} template template0 encoding 'UTF8' ${how}`)
    await create(locale!).catch((error: { code?: string }) => {
      if (error.code !== INVALID_LOCALE || otherwise === undefined) throw error
      return create(otherwise)
    })
  }
  await admin.query(`revoke all on database ${name} from public`)
}

async function makeSchema(url: string, owner: string): Promise<void> {
  const client = await connect(url)
  try {
    await client.query(
      `create schema if not exists lintel authorization ${owner}; alter schema lintel owner to ${owner}`,
    )
  } finally {
    await client.end()
  }
}

const INSUFFICIENT_PRIVILEGE = '42501'

function notAllowed(error: unknown, name: string, service: string, user: string | undefined): unknown {
  if ((error as { code?: string }).code !== INSUFFICIENT_PRIVILEGE) return error
  const variable = `${service.replaceAll('-', '_').toUpperCase()}_DATABASE_URL`
  return new Fault(
    'DATABASE_NOT_ALLOWED',
    `"${user}" may not make the database and the role ${name}: ${(error as Error).message}. Give it CREATEDB and ` +
      `CREATEROLE, or make a database for the ${service} service yourself and set ${variable}.`,
    { cause: error },
  )
}
