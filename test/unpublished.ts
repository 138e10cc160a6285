/** Counts the events of an outbox that no carrier has. */
export const UNPUBLISHED = `select count(*)::int as count from lintel.outbox
  where position > (select position from lintel.readers where reader = 'relay')`
