/** An access rule, parsed: who may call an operation (R-AUTH-8). Terms are alternatives. */
export interface Access {
  readonly public: boolean
  readonly authenticated: boolean
  readonly owner: boolean
  /** `service` among them admits other services of the system, never a token. */
  readonly roles: readonly string[]
}

/** What a caller may reach by an operation: everything, what is their own, or nothing. */
export type Reach = 'all' | 'own' | 'none'

/** Parses `'owner | admin'`. Terms: `public`, `authenticated`, `owner`, `service`, or a role. */
export function parseAccess(rule: string): Access {
  const terms = rule.split('|').map((term) => term.trim())
  const named = (name: string) => terms.includes(name)
  return {
    public: named('public'),
    authenticated: named('authenticated'),
    owner: named('owner'),
    roles: terms.filter((term) => !['public', 'authenticated', 'owner'].includes(term)),
  }
}

export function accessFault(rule: string): string | undefined {
  if (rule.trim() === '') return 'is empty: say who may call it, such as `owner | admin`'
  const bad = rule.split('|').find((term) => !/^\s*[a-z][a-zA-Z]*\s*$/.test(term))
  return bad === undefined
    ? undefined
    : `has the term "${bad.trim()}", which is not a valid role name: separate terms with |, as in \`owner | admin\``
}

/** Whether only other services may call: the gateway offers no such operation (R-GW-1). */
export function isInternal(access: Access): boolean {
  if (access.public || access.authenticated || access.owner) return false
  return access.roles.every((role) => role === 'service')
}
