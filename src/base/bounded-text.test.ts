import { expect, test } from 'vitest'
import { boundedText, TooLong } from './bounded-text.ts'

function streamOf(...chunks: Uint8Array[]): { body: ReadableStream<Uint8Array>; cancelled: () => boolean } {
  let cancelled = false
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      const chunk = chunks.shift()
      if (chunk) controller.enqueue(chunk)
      else controller.close()
    },
    cancel() {
      cancelled = true
    },
  })
  return { body, cancelled: () => cancelled }
}

const bytes = (text: string) => new TextEncoder().encode(text)

test('a text arrives whole, with characters that are cut between two pieces', async () => {
  const [first, second] = [bytes('é€').slice(0, 3), bytes('é€').slice(3)]
  expect(await boundedText(streamOf(first, second).body, 5)).toBe('é€')
  expect(await boundedText(null, 0)).toBe('')
})

test('FC-100: beyond the bound nothing more is read, of something endless either', async () => {
  const endless = new ReadableStream<Uint8Array>({ pull: (controller) => controller.enqueue(new Uint8Array(1000)) })
  await expect(boundedText(endless, 1_000_000)).rejects.toThrow(TooLong)
  const { body, cancelled } = streamOf(bytes('abc'), bytes('def'))
  await expect(boundedText(body, 4)).rejects.toThrow('it is longer than 4 bytes')
  expect(cancelled()).toBe(true)
})
