import type pg from 'pg'
import { connect } from './connection.ts'

/** What one statement of a person was answered with. */
export interface Answer {
  /** `SELECT`, `UPDATE` … */
  readonly command: string
  /** How many rows it was about, where it says so. */
  readonly count: number | null
  readonly columns: readonly string[]
  /** As PostgreSQL writes values; null for null. */
  readonly rows: readonly (readonly (string | null)[])[]
}

/** A session for what a person types. */
export interface Console {
  /** Runs statements, joined by semicolons, in one transaction unless they begin one; rejects with PostgreSQL's error. */
  run(statements: string): Promise<Answer[]>
  end(): Promise<void>
}

/** Faults: those of `connect`. */
export async function openConsole(url: string): Promise<Console> {
  const client = await connect(url)
  return {
    async run(statements) {
      const query = {
        text: statements,
        rowMode: 'array',
        types: { getTypeParser: () => (text: string) => text },
      } as const
      const result: pg.QueryArrayResult | pg.QueryArrayResult[] = await client.query(query)
      return (Array.isArray(result) ? result : [result]).map(({ command, rowCount, fields, rows }) => ({
        command,
        count: rowCount,
        columns: fields.map(({ name }: pg.FieldDef) => name),
        rows,
      }))
    },
    end: () => client.end(),
  }
}
