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
  ): {
    name: string | undefined
    prepare(connection: object): void
    handleError(error: Error, connection: object): void
  }
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
    return affectedOf(this.#tag)
  }
}

/** How many rows a statement gave, or changed, by its tag. */
export function affectedOf(tag: string): number {
  return Number(/\d+$/.exec(tag)?.[0] ?? 0)
}

/** A statement of a batch. */
export interface Step {
  readonly text: string
  readonly values: readonly (string | null)[]
  /** What its failure means. */
  readonly failed?: (error: Error) => unknown
  /** The statement that does so many of its kind, whose values stand one behind the other. Kinds are told apart by it. */
  readonly textFor?: ((count: number) => string) | undefined
}

interface BatchConnection {
  readonly parsedStatements: Record<string, string>
  readonly submittedNamedStatements: Record<string, string>
  parse(statement: { text: string; name: string | undefined }): void
  bind(values: { statement: string | undefined; values: readonly (string | null)[] }): void
  execute(): void
  sync(): void
}

/**
 * Statements that go out with one Sync behind them: the server answers once, when all are done. The first that fails keeps it from
 * the rest; outside of BEGIN they are one transaction, which commits with the last. What they return is dropped.
 */
export class TextBatch extends (pg.Query as unknown as Protocol) {
  readonly steps: readonly Step[]
  readonly #tags: string[] = []
  /** Of the statement that is answered next: the driver notes by these what is prepared. */
  text: string

  constructor(steps: readonly Step[], done: (error: Error | null) => void) {
    const { text } = steps[0]!
    super(text, [], done)
    this.steps = steps
    this.text = text
    this.name = nameOf(text)
  }

  /** What each has done: `INSERT 0 1`. */
  get tags(): readonly string[] {
    return this.#tags
  }

  /** The one that has failed, where one has. */
  get failed(): Step {
    return this.steps[Math.min(this.#tags.length, this.steps.length - 1)]!
  }

  submit(connection: BatchConnection): null {
    const { parsedStatements, submittedNamedStatements } = connection
    for (const { text, values } of this.steps) {
      const name = nameOf(text)
      if (name === undefined || (parsedStatements[name] ?? submittedNamedStatements[name]) === undefined) {
        connection.parse({ text, name })
        if (name !== undefined) submittedNamedStatements[name] = text
      }
      connection.bind({ statement: name, values })
      connection.execute()
    }
    connection.sync()
    return null
  }

  handleRowDescription() {}

  handleDataRow() {}

  handleCommandComplete(message: { text: string }) {
    const step = this.steps[this.#tags.push(message.text)]
    if (step === undefined) return
    this.text = step.text
    this.name = nameOf(step.text)
  }

  override handleError(error: Error, connection: BatchConnection) {
    // The server has passed over what was to be prepared behind the failure.
    for (const { text } of this.steps.slice(this.#tags.length)) {
      const name = nameOf(text)
      if (name !== undefined) delete connection.submittedNamedStatements[name]
    }
    super.handleError(error, connection)
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
