import autocannon from 'autocannon'
import type { Heard, Job } from './load-job.ts'

export async function loadWithAutocannon({ url, seconds, visitors }: Job, heard: Heard): Promise<void> {
  let next = 0
  const options = {
    url,
    connections: visitors.length,
    duration: seconds,
    sampleInt: 100,
    // Here and not in `requests`, of which it would make a deep copy for each connection.
    setupClient(client: autocannon.Client) {
      const { token, requests } = visitors[next++]!
      const headers = token === undefined ? {} : { authorization: `Bearer ${token}` }
      client.setRequests(
        requests.map(({ method, path, body }) =>
          body === undefined
            ? { method, path, headers }
            : { method, path, body, headers: { ...headers, 'content-type': 'application/json' } },
        ),
      )
    },
  }
  await new Promise<void>((resolve) => {
    const instance = autocannon(options as autocannon.Options, () => resolve())
    instance.on('response', (_client, status, _bytes, ms) => heard(status, ms))
    instance.on('reqError', () => heard('error', 0))
  })
}
