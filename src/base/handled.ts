/**
 * The promise of something that somebody else asked for, and may not await yet when it is rejected: by a deadline, a client who
 * leaves, a transaction that is rolled back. It then counts as handled, since Node ends the process for one that is not. Whoever
 * awaits it, later or never, is told all the same.
 *
 * The handler is attached as the promise is rejected. One that is attached from the start would be a second reaction, and V8 follows
 * a promise to the async function that awaits it, for the stack of an error, only where it has a single one.
 */
export function handled<T>(promise: Promise<T>): Promise<T> {
  const own = promise.then(undefined, (error: unknown) => {
    own.catch(() => {})
    throw error
  })
  return own
}
