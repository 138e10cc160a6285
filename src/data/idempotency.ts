import { createHash, createHmac } from 'node:crypto'
import { Problem } from '../base/errors.ts'
import { canonicalJson } from '../base/json.ts'
import { DelegatedTransaction } from './delegated-transaction.ts'
import type { Transaction } from './open-transaction.ts'
import type { Queryable } from './pool.ts'
import type { Cells } from './row.ts'

/** The answer of a request that was done before. */
export interface KeptAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | undefined
}

/** A request with an `Idempotency-Key`, as it is kept: the key within caller and operation, and what was asked. */
export interface Claim {
  readonly key: Buffer
  readonly bodyHash: Buffer
}

const KEPT_HOURS = 24

/**
 * Only hashes are kept. What was asked is hashed under the caller's own key: who reads the table can't try passwords
 * against it. Strangers have no key space of their own, so of `undefined`, an anonymous caller, what is asked is a part of the
 * key: who asks something else with it asks for the first time (R-IDEM-2).
 */
export function claimOf(caller: string | undefined, operation: string, key: string, asked: unknown): Claim {
  const bodyHash = createHmac('sha256', key).update(canonicalJson(asked)).digest()
  const scope = caller ?? `anonymous ${bodyHash.toString('hex')}`
  return { key: createHash('sha256').update(`${scope}\n${operation}\n${key}`).digest(), bodyHash }
}

/** The kept answer of a request, undefined for a first one. Problem: IDEMPOTENCY_KEY_REUSED (R-IDEM-2). */
export async function findKept(db: Queryable, { key, bodyHash }: Claim): Promise<KeptAnswer | undefined> {
  const [kept] = await db.query<{
    body_hash: string
    status: number
    headers: Record<string, string>
    body: string | null
  }>(
    `select encode(body_hash, 'hex') as body_hash, status, headers, body from lintel.idempotency_keys
     where key = $1 and created_at > now() - interval '${KEPT_HOURS} hours'`,
    [key],
  )
  if (!kept) return undefined
  if (kept.body_hash !== bodyHash.toString('hex')) throw new Problem('IDEMPOTENCY_KEY_REUSED')
  return { status: kept.status, headers: kept.headers, body: kept.body ?? undefined }
}

/**
 * Claims the key for this transaction, so that no other request with it gets past here until the end. Returns what was
 * kept, or undefined for a first request. Problems: IDEMPOTENCY_IN_PROGRESS, IDEMPOTENCY_KEY_REUSED (R-IDEM-2).
 */
export async function claim(tx: Queryable, claimed: Claim): Promise<KeptAnswer | undefined> {
  // Two statements: the second sees what the holder of the lock committed before it let go.
  const locking = tx.cells('select pg_try_advisory_xact_lock($1)', [claimed.key.readBigInt64BE(0).toString()])
  const [[locked], kept] = await Promise.all([locking, findKept(tx, claimed)])
  if (!kept && locked![0] !== 't') throw inProgress()
  return kept
}

/** The Problem for a repeat while the first request still runs. */
export function inProgress(): Problem {
  return new Problem('IDEMPOTENCY_IN_PROGRESS', undefined, { retryAfterS: 1 })
}

/** Another transaction with the same key has committed since `findKept` looked: this one is to be undone. */
export class AnsweredMeanwhile extends Error {
  readonly kept: KeptAnswer

  constructor(kept: KeptAnswer) {
    super('another request with this Idempotency-Key has been answered')
    this.kept = kept
  }
}

/**
 * The transaction, with the key claimed by its first statement: what work does before that, such as hashing a password, holds
 * no connection (FC-76). A statement that finds the key taken rejects, and so does every later one: work cannot go on
 * by catching it.
 */
export function claimingFirst(tx: Transaction, claimed: Claim): Transaction {
  return new ClaimingFirst(tx, claimed)
}

class ClaimingFirst extends DelegatedTransaction {
  readonly #claimed: Claim
  #held: Promise<void> | undefined = undefined

  constructor(tx: Transaction, claimed: Claim) {
    super(tx)
    this.#claimed = claimed
  }

  #claim(): Promise<void> {
    this.#held ??= claim(this.tx, this.#claimed).then((kept) => {
      if (kept) throw new AnsweredMeanwhile(kept)
    })
    return this.#held
  }

  /** What is sent at the end would be sent before the claim. */
  override atCommit(): boolean {
    return false
  }

  override async cells(statement: string, values?: readonly unknown[]): Promise<Cells[]> {
    await this.#claim()
    return super.cells(statement, values)
  }

  override async query<T extends object>(statement: string, values?: readonly unknown[]): Promise<T[]> {
    await this.#claim()
    return super.query<T>(statement, values)
  }
}

/** Keeps the first answer, in the transaction of its effect. */
export async function keep(tx: Queryable, { key, bodyHash }: Claim, answer: KeptAnswer): Promise<void> {
  await tx.cells(
    `insert into lintel.idempotency_keys (key, body_hash, status, headers, body) values ($1, $2, $3, $4, $5)
     on conflict (key) do update set body_hash = excluded.body_hash, status = excluded.status,
       headers = excluded.headers, body = excluded.body, created_at = now()`,
    [key, bodyHash, answer.status, JSON.stringify(answer.headers), answer.body ?? null],
  )
}
