import { script } from '../redis/script.ts'

/**
 * For each tag two keys: its version, or `!` while it is being changed; and who changes it, by when they must have ended, so
 * that of two at once the end of one does not speak for the other. By the clock of Redis. A key that holds something else is
 * somebody's mistake, and goes.
 */
const BEGIN = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
for i = 1, #KEYS, 2 do
  local version, changes = KEYS[i], KEYS[i + 1]
  local kind = redis.call('TYPE', changes).ok
  if kind ~= 'zset' and kind ~= 'none' then redis.call('DEL', changes) end
  redis.call('ZREMRANGEBYSCORE', changes, '-inf', now)
`

/** ARGV: who changes the tags, and for how many milliseconds at most. */
export const MARK = script(`${BEGIN}
  redis.call('ZADD', changes, now + ARGV[2], ARGV[1])
  local last = redis.call('ZRANGE', changes, -1, -1, 'WITHSCORES')[2]
  redis.call('PEXPIREAT', changes, string.format('%.0f', last))
  redis.call('SET', version, '!', 'PX', string.format('%.0f', last - now))
end
return 1`)

/** ARGV: who has ended. A version that is gone is one that has changed. It takes no memory, so that a full Redis can do it. */
export const RAISE = script(`${BEGIN}
  redis.call('ZREM', changes, ARGV[1])
  if redis.call('ZCARD', changes) == 0 or redis.call('TYPE', version).ok ~= 'string' or redis.call('GET', version) ~= '!' then
    redis.call('DEL', version)
  end
end
return 1`)
