import { type Script, script } from '../redis/script.ts'
import type { Draw } from './buckets.ts'
import type { TakeResult } from './token-bucket.ts'

/** The clock of the server, to the millisecond: whichever process asks, time is one. */
const TIME_OF_SERVER = `local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)`

/**
 * `take` of token-bucket.ts in Lua, for one bucket or several: the server runs it as one step. KEYS are the buckets, ARGV has for
 * each its maxRequests, windowMs and cost. A bucket is kept as `debt atMs`, and only until it is full again. Numbers are
 * doubles, as they are here; `tostring` would keep 14 digits of them.
 *
 * Returns how many buckets were unreadable, and four numbers for each bucket up to the first that rejects: what comes after that
 * is not taken from. A bucket whose value nobody can read is a full one. A rejection writes nothing, so that a flood of
 * requests over the limit is nothing that replicas or the disk of the server hear of.
 *
 * `setNow` is the text that sets `now`; a test gives one of its own.
 */
export function bucketScript(setNow: string = TIME_OF_SERVER): Script {
  return script(`${setNow}
local results = {0}
for i, key in ipairs(KEYS) do
  local max, window, cost = tonumber(ARGV[3 * i - 2]), tonumber(ARGV[3 * i - 1]), tonumber(ARGV[3 * i])
  local capacity, wanted = max * window, cost * window
  local debt, at, stepped = 0, now, false
  local kept = redis.pcall('GET', key)
  if kept then
    local keptDebt, keptAt
    if type(kept) == 'string' then keptDebt, keptAt = string.match(kept, '^(%d+) (%d+)$') end
    if keptDebt then
      at = math.min(tonumber(keptAt), now + window)
      stepped = at < tonumber(keptAt)
      debt = math.max(0, math.min(tonumber(keptDebt), capacity) - math.max(0, now - at) * max)
      at = math.max(now, at)
    else
      results[1] = results[1] + 1
    end
  end
  local allowed = debt + wanted <= capacity
  local missing = debt + wanted - capacity
  if allowed then debt = debt + wanted end
  local fullIn = math.ceil(debt / max) + at - now
  if (allowed and wanted > 0) or stepped then
    redis.call('SET', key, string.format('%.0f %.0f', debt, at), 'PX', string.format('%.0f', fullIn))
  end
  local retryIn = 0
  if not allowed then
    if wanted > capacity then retryIn = -1 else retryIn = math.ceil(missing / max) + at - now end
  end
  local n = #results
  results[n + 1] = allowed and 1 or 0
  results[n + 2] = math.floor((capacity - debt) / window)
  results[n + 3] = fullIn
  results[n + 4] = retryIn
  if not allowed then break end
end
return results`)
}

export function scriptArguments(draws: readonly Draw[]): string[] {
  const args: string[] = []
  for (const { kind, cost } of draws) args.push(String(kind.maxRequests), String(kind.windowMs), String(cost))
  return args
}

/** What the script returned; throws where that is something else. */
export function readResults(reply: unknown): { unreadable: number; results: TakeResult[] } {
  if (!Array.isArray(reply) || reply.length % 4 !== 1 || !reply.every(Number.isSafeInteger))
    throw new Error('the script of the limits returned something else than whole numbers')
  const results: TakeResult[] = []
  for (let i = 1; i < reply.length; i += 4)
    results.push({
      allowed: reply[i] === 1,
      remaining: reply[i + 1],
      fullInMs: reply[i + 2],
      retryInMs: reply[i + 3] < 0 ? Number.POSITIVE_INFINITY : reply[i + 3],
    })
  return { unreadable: reply[0], results }
}
