import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { progressOn } from './progress.ts'

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['performance'] })
})
afterEach(() => {
  vi.useRealTimers()
})

function output(more: { isTTY?: boolean; columns?: number } = {}) {
  const written: string[] = []
  return { ...more, written, write: (text: string) => written.push(text) }
}

test('without a terminal it is a line every five seconds, and one at the end', () => {
  const out = output()
  const progress = progressOn(out, {})
  progress.begin('orders', 830, 400)
  for (let i = 0; i < 12; i++) {
    vi.advanceTimersByTime(1_000)
    progress.advance()
  }
  progress.note('The system answers again.')
  progress.end()
  expect(out.written).toEqual([
    'orders   405 of 830, 400 from before\n',
    'orders   410 of 830, 400 from before\n',
    'The system answers again.\n',
    'orders   412 of 830, 400 from before\n',
  ])
})

test('on a terminal it is a bar that is drawn at most ten times a second', () => {
  const out = output({ isTTY: true, columns: 100 })
  const progress = progressOn(out, {})
  progress.begin('orders', 100, 0)
  for (let i = 0; i < 50; i++) {
    vi.advanceTimersByTime(20)
    progress.advance()
  }
  expect(out.written).toHaveLength(11)
  expect(out.written.at(-1)).toBe(
    `\r\x1b[2Korders   \x1b[32m${'█'.repeat(15)}\x1b[0m${'░'.repeat(15)} 50/100  1 s left`,
  )
})

test('a note does not tear the bar, and NO_COLOR takes its colour', () => {
  const out = output({ isTTY: true, columns: 100 })
  const progress = progressOn(out, { NO_COLOR: '1' })
  progress.begin('users', 91, 91)
  progress.note('Hello.')
  progress.end()
  const bar = `\r\x1b[2Kusers    ${'█'.repeat(30)} 91/91`
  expect(out.written).toEqual([bar, '\r\x1b[2KHello.\n', bar, '\r\x1b[2Kusers    91 of 91, all from before\n'])
})

test('a narrow terminal has room for the figures, and a dumb one for lines', () => {
  const narrow = output({ isTTY: true, columns: 30 })
  progressOn(narrow, {}).begin('orders', 830, 0)
  expect(narrow.written).toEqual(['\r\x1b[2Korders   0/830'])
  const dumb = output({ isTTY: true })
  progressOn(dumb, { TERM: 'dumb' }).begin('orders', 830, 0)
  expect(dumb.written).toEqual([])
})
