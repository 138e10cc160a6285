import type pg from 'pg'
import { expect } from 'vitest'
import { connect } from '../src/data/connection.ts'

const GIVEN = `select pg_sequence_last_value('given') as given`

/**
 * Has a sequence give numbers, while readers ask in a loop how far it is: what they see never goes back, and whoever takes a
 * number then gets a higher one. Both are untrue of `select last_value`.
 */
export async function neverAhead(url: string, numbers: number): Promise<void> {
  const admin = await connect(url)
  const readers = await Promise.all([connect(url), connect(url)])
  let isOver = false
  async function look(client: pg.Client): Promise<number> {
    let last = 0
    for (let looks = 1; ; looks++) {
      const given = Number((await client.query<{ given: string | null }>(GIVEN)).rows[0]!.given ?? 0)
      if (given < last) throw new Error(`${given} after ${last}`)
      last = given
      if (isOver) return last
      if (looks % 50 !== 0) continue
      const [one] = (await client.query<{ next: string }>(`select nextval('given') as next`)).rows
      if (Number(one!.next) <= last) throw new Error(`${one!.next} was given after ${last}`)
    }
  }
  try {
    await admin.query('create sequence given')
    const looking = Promise.all(readers.map(look))
    await Promise.race([
      admin.query(`select count(nextval('given')) from generate_series(1, $1::int)`, [numbers]),
      looking,
    ])
    isOver = true
    for (const last of await looking) expect(last).toBeGreaterThanOrEqual(numbers)
  } finally {
    isOver = true
    await Promise.all([admin, ...readers].map((client) => client.end()))
  }
}
