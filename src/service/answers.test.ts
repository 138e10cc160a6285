import { expect, test } from 'vitest'
import { Problem } from '../base/errors.ts'
import { CallProblem } from '../client/call-problem.ts'
import { operation, problem, service } from '../contract/index.ts'
import { assertDeclared } from './answers.ts'

const shops = service('shops', {
  operations: {
    sell: operation({ method: 'POST', path: '/sales', access: 'public', status: 202, problems: ['SOLD_OUT'] }),
  },
  problems: { SOLD_OUT: problem(409, 'Sold out'), CLOSED: problem(409, 'Closed') },
})
const [sell] = shops.served

const checked = (error: unknown) => {
  try {
    assertDeclared({ operation: sell } as never, shops, error)
  } catch (mistake) {
    return mistake
  }
  return undefined
}

test('R-BODY-6: a problem that its operation does not declare is a mistake, which names both', () => {
  const mistake = checked(new Problem(shops.problems.CLOSED))
  expect(mistake).toMatchObject({
    message: expect.stringMatching(/^shops.sell rejects with CLOSED, .*: add it there$/),
  })
})

test('what it declares, what every system knows, and what a call or a bug fails with pass', () => {
  const called = new CallProblem('people.people.get', 409, 'CLOSED', 'Closed')
  for (const error of [
    new Problem('SOLD_OUT'),
    new Problem('FORBIDDEN'),
    called,
    new Problem('OF_NOBODY'),
    new Error(),
  ])
    expect(checked(error)).toBeUndefined()
})
