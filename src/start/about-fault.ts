import { unknownMember } from '../base/known-names.ts'
import type { About } from '../contract/documents/about.ts'

const MEMBERS: Readonly<Record<keyof About, readonly string[] | undefined>> = {
  title: undefined,
  description: undefined,
  contact: ['name', 'url', 'email'],
  license: ['name', 'identifier', 'url'],
}

/** What is wrong with it. It stands in documents as it is given, where a wrong member would make them invalid. */
export function aboutFault(about: About): string | undefined {
  if (!isObject(about)) return '`about` must be an object'
  const unknown = unknownMember(about, Object.keys(MEMBERS))
  if (unknown !== undefined) return `\`about\` ${unknown}`
  for (const name of Object.keys(MEMBERS) as (keyof About)[]) {
    const fault = about[name] === undefined ? undefined : memberFault(name, about[name])
    if (fault !== undefined) return fault
  }
  const { license } = about
  if (license && !license.name) return "`about.license` needs a `name`, such as 'MIT'"
  if (license?.identifier !== undefined && license.url !== undefined)
    return '`about.license` has an `identifier` and a `url`: give one of them'
  return undefined
}

function memberFault(name: keyof About, given: unknown): string | undefined {
  const members = MEMBERS[name]
  if (!members) return typeof given === 'string' ? undefined : `\`about.${name}\` must be a text`
  if (!isObject(given) || !Object.values(given).every((one) => typeof one === 'string'))
    return `\`about.${name}\` must be an object of texts: ${members.join(', ')}`
  const unknown = unknownMember(given, members)
  return unknown === undefined ? undefined : `\`about.${name}\` ${unknown}`
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
