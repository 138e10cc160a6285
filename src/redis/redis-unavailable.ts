/** There is no server that answers in time. */
export class RedisUnavailable extends Error {
  override readonly name = 'RedisUnavailable'
}
