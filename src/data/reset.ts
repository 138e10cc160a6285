import { connect } from './connection.ts'

/** Every schema but PostgreSQL's own. */
const SCHEMAS = `select quote_ident(nspname) as name from pg_namespace where nspname !~ '^pg_' and nspname <> 'information_schema'`

/** Sessions of before have plans for tables that are gone, and keep their locks. */
const OTHERS = `select pg_terminate_backend(pid) from pg_stat_activity
where datname = current_database() and usename = current_user and pid <> pg_backend_pid()`

/**
 * Takes everything out of a service's own database: tables, rows, what has been migrated. Other sessions of its role are ended; a system that
 * runs connects again. Faults: those of `connect`.
 */
export async function emptyDatabase(url: string): Promise<void> {
  const client = await connect(url)
  try {
    await client.query(OTHERS)
    const { rows } = await client.query<{ name: string }>(SCHEMAS)
    const names = rows.map(({ name }) => name)
    await client.query('begin')
    for (const name of names) await client.query(`drop schema ${name} cascade`)
    for (const name of ['public', 'lintel']) await client.query(`create schema ${name}`)
    await client.query('commit')
  } finally {
    await client.end()
  }
}
