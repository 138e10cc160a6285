/** What the doors need of a logger; pino has it. */
export interface Log {
  warn(about: object, message: string): void
  error(about: object, message: string): void
}
