import { nearestName } from '../../base/known-names.ts'
import { type Report, TERMS } from './foreign-route.ts'
import type { Notices } from './notices.ts'

/** What OpenAPI 3 knows at a place, and what must not stand there by mistake: it would open what it was meant to close. */
interface Known {
  readonly members: ReadonlySet<string>
  /** Said of a member that OpenAPI has at other places, and which has no effect here. */
  readonly misplaced: Readonly<Record<string, string>>
}

export const DOCUMENT: Known = {
  members: new Set(
    '$self openapi info jsonSchemaDialect servers paths webhooks components security tags externalDocs'.split(' '),
  ),
  misplaced: {
    securityDefinitions: 'is of OpenAPI 2: write components.securitySchemes',
    securitySchemes: 'has no effect there: write it in components',
  },
}

export const PATH_ITEM: Known = {
  members: new Set(
    '$ref summary description get put post delete options head patch trace query additionalOperations servers parameters'.split(
      ' ',
    ),
  ),
  misplaced: { security: 'has no effect there: write it at each operation, or at the top of the document' },
}

export const OPERATION: Known = {
  members: new Set(
    'tags summary description externalDocs operationId parameters requestBody responses callbacks deprecated security servers'.split(
      ' ',
    ),
  ),
  misplaced: { $ref: 'is not allowed in an operation: write the operation out' },
}

/**
 * Looks for members that OpenAPI does not know. What may be `security`, a method or `x-lintel` misspelt is a fault: what is
 * passed over in silence may be what closes a door. Anything else is told.
 */
export function checkMembers(
  given: Readonly<Record<string, unknown>>,
  { members, misplaced }: Known,
  where: string,
  report: Report,
  notices: Notices,
): void {
  for (const name of Object.keys(given)) {
    if (members.has(name) || name === 'x-lintel') continue
    const plain = name.toLowerCase().replace(/[^a-z]/g, '')
    if (Object.hasOwn(misplaced, name)) report(`${where}${name}`, misplaced[name]!)
    else if (name === '<<') report(`${where}<<`, 'is not merged here: it is quoted, or in JSON')
    else if (nearestName(plain, ['xlintel', ...OTHERS]) === 'xlintel')
      report(`${where}${name}`, 'is unknown: write it `x-lintel`')
    else if (plain.startsWith('xlintel')) report(`${where}${name}`, 'is unknown: write it as a member of `x-lintel`')
    else if (plain === 'xsecurity') notices.add('ignored: who may call is said by `security`', `${where}${name}`)
    else if (name.startsWith('x-')) continue
    else if (TERMS.some((term) => term.toLowerCase() === plain))
      report(`${where}${name}`, 'is unknown: write it as a member of `x-lintel`')
    else if (nearestName(plain, ['security']) !== undefined || /secur|^auths?$|authenti|authori[sz]/.test(plain))
      report(`${where}${name}`, 'is unknown: is it meant to be `security`?')
    else if (members.has(plain)) report(`${where}${name}`, `is unknown: write it \`${plain}\``)
    else notices.add('ignored, as OpenAPI has no such member', `${where}${name}`)
  }
}

/** Extensions of other tools that are near enough to `x-lintel` to be taken for it. */
const OTHERS = ['xlint']
