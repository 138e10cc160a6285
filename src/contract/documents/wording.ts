import type { Access } from '../access.ts'
import { withArticle } from '../names.ts'
import type { Operation } from '../operation.ts'
import { capital, wordsOf } from './schema-names.ts'

/** An access rule as a contract has it: `owner | admin`. */
export function accessRule({ public: everyone, authenticated, owner, roles }: Access): string {
  const terms = [everyone && 'public', authenticated && 'authenticated', owner && 'owner', ...roles]
  return terms.filter((term) => term !== false).join(' | ')
}

/** The same for readers: `Open to the owner and the role admin.` */
export function accessSentence({ access, facts }: Operation): string {
  if (access.public) return 'Open to everyone, without credentials.'
  if (access.authenticated) return 'Open to every signed-in user.'
  const roles = access.roles.filter((role) => role !== 'service').map((role) => `the role \`${role}\``)
  if (facts.atRoot && access.owner)
    return ['Open to every signed-in user, who sees their own', ...roles.map((role) => `${role} sees all`)]
      .join('; ')
      .concat('.')
  return `Open to ${[...(access.owner ? ['the owner'] : []), ...roles].join(' and ')}.`
}

/** One line: `Create an order of a user`. `name` is that of the resource's schema, `parentName` its parent's. */
export function summaryOf(operation: Operation, name: string | undefined, parentName: string | undefined): string {
  if (name === undefined) return capital(wordsOf(operation.name))
  const one = wordsOf(name)
  const many = wordsOf(operation.key!)
  const below = parentName === undefined ? '' : ` of ${withArticle(wordsOf(parentName))}`
  switch (operation.verb) {
    case 'list':
      return operation.facts.atRoot ? `List all ${many}` : `List the ${many}${below}`
    case 'create':
      return `Create ${withArticle(one)}${below}`
    case 'get':
      return `Read ${withArticle(one)}`
    case 'replace':
      return `Replace ${withArticle(one)}`
    case 'update':
      return `Change ${withArticle(one)}`
    default:
      return `Delete ${withArticle(one)}`
  }
}
