/** What ends the import: a message that says what to do, and the exit code. */
export class ImportError extends Error {
  readonly exitCode: number

  constructor(message: string, exitCode: number) {
    super(message)
    this.name = 'ImportError'
    this.exitCode = exitCode
  }
}
