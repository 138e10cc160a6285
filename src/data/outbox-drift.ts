import type { Queryable } from './pool.ts'

const FOUND = `
select a.attidentity = 'a' as generated, s.seqcache = 1 and s.seqincrement = 1 and not s.seqcycle as plain,
  has_sequence_privilege(s.seqrelid, 'select, usage') as readable, current_setting('synchronous_commit') <> 'off' as durable
from pg_attribute a join pg_sequence s on s.seqrelid = pg_get_serial_sequence('lintel.outbox', 'position')::regclass
where a.attrelid = 'lintel.outbox'::regclass and a.attname = 'position'`

/** What would make the order of an outbox, or what was read of it, untrue; one sentence each. */
export async function outboxDrift(db: Queryable): Promise<string[]> {
  const [found] = await db.query<Record<'generated' | 'plain' | 'readable' | 'durable', boolean>>(FOUND)
  const { generated, plain, readable, durable } = found ?? {}
  return [
    ...(generated ? [] : ['lintel.outbox.position: the column must be GENERATED ALWAYS AS IDENTITY']),
    ...(plain ? [] : ['lintel.outbox_position_seq: the sequence must have CACHE 1, INCREMENT 1 and NO CYCLE']),
    ...(readable ? [] : ['lintel.outbox_position_seq: the role of the service must be able to read the sequence']),
    ...(durable ? [] : ['synchronous_commit is off: events of changes that a crash undoes would be published']),
  ]
}
