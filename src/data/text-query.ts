import pg from 'pg'

/** What a statement gave: every value as the text that PostgreSQL sent. */
export interface TextResult {
  readonly cells: (string | null)[][]
  readonly fields: readonly { readonly name: string; readonly dataTypeID: number }[]
  /** `SELECT`, `COMMIT`, `ROLLBACK` … */
  readonly command: string
  /** How many rows it gave, or changed. */
  readonly affected: number
}

type Fields = TextResult['fields']

/** What `pg` hands to a query of its own, and its types leave out. */
interface Protocol {
  new (
    text: string,
    values: unknown[],
    done: (error: Error | null) => void,
  ): { name: string | undefined; prepare(connection: object): void }
}

/**
 * A query that keeps rows as they arrive. The driver's own makes a parser per column, copies each row through them and
 * announces it as an event: a quarter of what a page of 20 rows costs the process. The driver's own also asks for the
 * description of the columns each time, which is longer than a row: here once per statement and connection, on which
 * PostgreSQL refuses a prepared statement whose columns have changed ("cached plan must not change result type").
 */
export class TextQuery extends (pg.Query as unknown as Protocol) implements TextResult {
  readonly cells: (string | null)[][] = []
  fields: Fields = []
  #tag = ''
  #described: Map<string, Fields> | undefined = undefined

  override prepare(connection: object) {
    const { name } = this
    if (name === undefined) return super.prepare(connection)
    const { described, undescribing } = knownOf(connection)
    const fields = described.get(name)
    if (fields === undefined) {
      this.#described = described
      return super.prepare(connection)
    }
    this.fields = fields
    super.prepare(undescribing)
  }

  handleRowDescription(message: { fields: Fields }) {
    this.fields = message.fields
  }

  handleDataRow(message: { fields: (string | null)[] }) {
    this.cells.push(message.fields)
  }

  handleCommandComplete(message: { text: string }) {
    this.#described?.set(this.name!, this.fields)
    this.#tag = message.text
  }

  get command(): string {
    return this.#tag.split(' ', 1)[0]!
  }

  get affected(): number {
    return Number(/\d+$/.exec(this.#tag)?.[0] ?? 0)
  }
}

/** What is known of a connection: the columns of its prepared statements, and the connection without asking for them. */
interface Known {
  readonly described: Map<string, Fields>
  readonly undescribing: object
}

const known = new WeakMap<object, Known>()

function knownOf(connection: object): Known {
  let one = known.get(connection)
  if (one === undefined) {
    one = { described: new Map(), undescribing: Object.create(connection, { describe: { value() {} } }) }
    known.set(connection, one)
  }
  return one
}

const names = new Map<string, string>()
/** Filters and sorts combine freely: past this many, statements go unnamed rather than fill the server's memory. */
const MAX_NAMES = 1000

/** A named statement that the connection has seen before is only bound and executed. */
export function nameOf(statement: string): string | undefined {
  let name = names.get(statement)
  if (name === undefined && names.size < MAX_NAMES) {
    name = `l${names.size}`
    names.set(statement, name)
  }
  return name
}
