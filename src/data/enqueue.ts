import { uuidv7 } from '../base/ids.ts'
import type { Step } from './text-query.ts'

/** A job to be stored. */
export interface NewJob {
  readonly name: string
  /** JSON text. */
  readonly data: string
  /** The request that caused it, as JSON text. */
  readonly headers: string
  readonly delayMs: number
  /** Of one key one waits. */
  readonly key: string | undefined
}

const ENQUEUE = `
insert into lintel.work (id, job, data, headers, due_at)
values ($1, $2, $3, $4, statement_timestamp() + $5::float8 * interval '1 millisecond')`

/**
 * Where one waits already, it gets what is news, and is due no later than it was. One that has failed and waits for another try is
 * replaced; one that runs may have read what was there before, and another waits until nobody has that in hand.
 */
const ENQUEUE_KEYED = `
with replaced as (
  delete from lintel.work where id in (
    select id from lintel.work
    where job = $2 and key = $6 and attempts > 0 and claim is null and dead_at is null for update skip locked))
insert into lintel.work as w (id, job, data, headers, due_at, key)
values ($1, $2, $3, $4, statement_timestamp() + $5::float8 * interval '1 millisecond', $6)
on conflict (job, key) where attempts = 0 and key is not null do update
  set data = excluded.data, headers = excluded.headers, due_at = least(w.due_at, excluded.due_at)`

/** Stores a job, in the transaction of the change. */
export function enqueueing({ name, data, headers, delayMs, key }: NewJob): Step {
  const values = [uuidv7(), name, data, headers, String(delayMs)]
  return key === undefined ? { text: ENQUEUE, values } : { text: ENQUEUE_KEYED, values: [...values, key] }
}
