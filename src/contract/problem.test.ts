import { expect, test } from 'vitest'
import { Problem } from '../base/errors.ts'
import { CallProblem } from '../client/call-problem.ts'
import { isProblem } from './is-problem.ts'
import { problem } from './problem.ts'
import { service } from './service.ts'

const { problems } = service('shops', {
  problems: { SOLD_OUT: problem(409, 'Sold out'), NOT_FOUND: problem(404, 'Gone') },
})

test('R-BODY-6: a contract has its problems as values, with its own words for those of every system', () => {
  expect(problems.SOLD_OUT).toEqual({ code: 'SOLD_OUT', status: 409, message: 'Sold out' })
  expect(problems.NOT_FOUND).toEqual({ code: 'NOT_FOUND', status: 404, message: 'Gone' })
  expect(problems.FORBIDDEN).toMatchObject({ code: 'FORBIDDEN', status: 403 })
  expect(new Problem(problems.SOLD_OUT)).toMatchObject({ code: 'SOLD_OUT', message: '' })
})

test('isProblem tells a problem by its value, thrown here or brought back by a call, and nothing else', () => {
  expect(isProblem(new Problem('SOLD_OUT'), problems.SOLD_OUT)).toBe(true)
  expect(isProblem(new CallProblem('shops.sales.create', 409, 'SOLD_OUT', 'Sold out'), problems.SOLD_OUT)).toBe(true)
  expect(isProblem(new Problem('NOT_FOUND'), 'NOT_FOUND')).toBe(true)
  for (const other of [new Problem('NOT_FOUND'), new Error('SOLD_OUT'), { code: 'SOLD_OUT' }, undefined])
    expect(isProblem(other, problems.SOLD_OUT)).toBe(false)
})
