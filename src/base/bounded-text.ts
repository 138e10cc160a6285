/** Something is longer than whoever reads it wants to hold. */
export class TooLong extends Error {}

/**
 * The text (UTF-8) of a body, as `fetch` gives it: decoded, so that a compressed one counts as large as it becomes. Rejects with
 * TooLong beyond `limit` bytes; what comes then is not read.
 */
export async function boundedText(body: ReadableStream<Uint8Array> | null, limit: number): Promise<string> {
  if (body === null) return ''
  const reader = body.getReader()
  const decoder = new TextDecoder()
  let text = ''
  let size = 0
  for (;;) {
    const { done, value } = await reader.read()
    if (done) return text + decoder.decode()
    size += value.length
    if (size > limit) {
      // It may be endless: nothing is waited for.
      reader.cancel().catch(() => {})
      throw new TooLong(`it is longer than ${limit} bytes`)
    }
    text += decoder.decode(value, { stream: true })
  }
}
