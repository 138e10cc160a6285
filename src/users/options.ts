import { Fault } from '../base/errors.ts'
import type { Fields, OlderVersion } from '../contract/index.ts'
import { checkObject, inWords, type KnownMembers, onlyKnown } from '../contract/known-members.ts'
import { FLOWS, type Flow } from './flows.ts'

export interface UsersOptions<
  R extends string = string,
  F extends Fields = Fields,
  W extends Flow = Flow,
  N extends string = string,
> {
  /** Roles beside `member`, which everybody has who is given no other, and `admin`. */
  readonly roles?: readonly R[]
  /**
   * Fields of a user beside the usual ones, as `resource` takes them: users give their own, unless `only` says whose they are. A
   * migration of the service adds their columns.
   */
  readonly fields?: F
  /** Fields among `fields` that lists are filtered and sorted by; the migration adds an index of each. */
  readonly filter?: readonly N[]
  readonly sort?: readonly N[]
  /** What there is not: all flows are on by default. */
  readonly without?: readonly W[]
  /** `iss` and `aud` of access tokens; `lintel/users` and `lintel`. */
  readonly issuer?: string
  readonly audience?: string
  /** As of a `service`: the newest version, and what older ones look like. */
  readonly latest?: number
  readonly older?: Readonly<Record<number, OlderVersion>>
}

const WHERE = 'usersContract'

const OPTIONS: KnownMembers<UsersOptions> = {
  roles: 'list',
  fields: true,
  filter: 'list',
  sort: 'list',
  without: 'list',
  issuer: true,
  audience: true,
  latest: true,
  older: true,
}

/** Terms of access rules that are no roles, and the roles that there are in any case. */
const TAKEN = ['public', 'authenticated', 'owner', 'service', 'member', 'admin']

const OWN = [
  'email',
  'name',
  'roles',
  'role',
  'emailVerified',
  'password',
  'currentPassword',
  'passwordHash',
  'emailVerifiedAt',
  'invited',
  'invite',
]

/** Throws a Fault INVALID_CONTRACT for what the contract itself would not name as the mistake that it is. */
export function checkOptions(options: UsersOptions): void {
  checkObject(WHERE, 'options', options)
  onlyKnown(WHERE, options, OPTIONS)
  const { roles = [], fields = {}, without = [] } = options
  for (const role of roles) {
    if (typeof role !== 'string' || !/^[a-z][a-zA-Z]*$/.test(role))
      throw wrong(`has ${inWords(role)} among its roles: expected a word in camelCase, such as "agent"`)
    if (TAKEN.includes(role)) throw wrong(`has "${role}" among its roles, which is there already: leave it out`)
  }
  checkObject(WHERE, 'fields', fields)
  for (const [name, { spec }] of Object.entries(fields)) {
    if (OWN.includes(name)) throw wrong(`has the field "${name}", which users have already: choose another name`)
    if (spec.server || spec.transitions)
      throw wrong(
        `has the field "${name}", which nobody could set: leave out server(), computed(), hidden() and states`,
      )
  }
  for (const flow of without)
    if (!FLOWS.includes(flow)) throw wrong(`is without ${inWords(flow)}: expected ${FLOWS.join(', ')}`)
}

function wrong(message: string): Fault {
  return new Fault('INVALID_CONTRACT', `R-P-6 ${WHERE} ${message}`)
}
