/** For operators to read: bounded, and without a stack, which is in the log. */
export function textOf(error: unknown): string {
  return (
    (
      error instanceof Error
        ? `${error.name}: ${error.message || ((error as { code?: string }).code ?? '')}`
        : String(error)
    )
      // PostgreSQL takes no NUL in text.
      .replaceAll('\0', '')
      .slice(0, 2_000)
  )
}
