import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import ts from 'typescript'
import { expect, test } from 'vitest'

const root = new URL('../', import.meta.url).pathname

/** Tests, and what stands in for a system in them. */
const TESTS = /(\.test|stand-in)\.ts$/

/** What says to the compiler that it is wrong: in a service, the platform is. */
test('services and examples have no type assertion, no "!" and no any', () => {
  const files = ['services', 'examples'].flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.ts') && !TESTS.test(name))
      .map((name) => join(folder, name)),
  )
  expect(files.length).toBeGreaterThan(30)
  expect(files.flatMap(trusted)).toEqual([])
})

test('the check finds each of them, and lets `as const` and renamed imports pass', () => {
  const text = `import { a as b } from 'c'
const one = [1] as const
const two = b as string
const three = <string>b
const four = one[0]!
const five: any = four`
  expect(trustedIn('x.ts', text)).toEqual(['x.ts:3', 'x.ts:4', 'x.ts:5', 'x.ts:6'])
})

function trusted(file: string): string[] {
  return trustedIn(file, readFileSync(join(root, file), 'utf8'))
}

function trustedIn(file: string, text: string): string[] {
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest)
  const found: string[] = []
  const visit = (node: ts.Node): void => {
    const asserts =
      (ts.isAsExpression(node) && !ts.isConstTypeReference(node.type)) ||
      ts.isTypeAssertionExpression(node) ||
      ts.isNonNullExpression(node) ||
      node.kind === ts.SyntaxKind.AnyKeyword
    if (asserts) found.push(`${file}:${source.getLineAndCharacterOfPosition(node.getStart(source)).line + 1}`)
    ts.forEachChild(node, visit)
  }
  visit(source)
  return found
}
