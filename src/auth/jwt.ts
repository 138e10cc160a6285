import { errors, type JWTPayload, jwtVerify, SignJWT } from 'jose'
import { Problem } from '../base/errors.ts'
import type { KeySet } from './key-set.ts'
import { ALGORITHM, privateKeyOf, type SigningKey } from './keys.ts'

/** The claims of a token as they stand in it; what those beside `sub` and `exp` mean is for the reader to check. */
export type Claims = JWTPayload & { sub: string; exp: number }

export interface OpenedJwt {
  claims: Claims
  /** Of the key set when the key was taken from it: who keeps the outcome compares it, as keys may change meanwhile. */
  generation: number
}

export interface ExpectedClaims {
  /** Keeps a token of one kind from passing for one of another (RFC 8725 section 3.11). Several: any of them; '' is none at all. */
  typ: string | readonly string[]
  /** ES256, unless the keys are of other kinds. */
  algorithms?: readonly string[]
  /** What stands in the header beside alg, kid and typ, and is no key: refused, or ignored, as RFC 7515 4 has it; refused. */
  otherMembers?: 'refused' | 'ignored'
  keys: KeySet
  nowMs: number
  issuer?: string
  audience?: string
}

export async function signJwt(key: SigningKey, typ: string, claims: JWTPayload): Promise<string> {
  const signing = await privateKeyOf(key)
  return new SignJWT(claims).setProtectedHeader({ alg: key.alg, kid: key.kid, typ }).sign(signing)
}

/**
 * What `token` says, or INVALID_TOKEN, the same for whatever is wrong with it (the reason is the problem's `cause`,
 * for the log), or TOKEN_EXPIRED for one in which time is the only fault.
 */
export async function openJwt(token: string, expected: ExpectedClaims): Promise<OpenedJwt> {
  const { keys, nowMs, issuer, audience, algorithms = OURS } = expected
  const kid = kidOf(token, expected)
  const found = keys.find(kid)
  // Awaiting a key that was there at once would let the keys change between it and the generation.
  const key = found instanceof Promise ? await found : found
  const { generation } = keys
  if (key === undefined) throw invalidToken('its kid is unknown')
  try {
    const { payload } = await jwtVerify(token, key, {
      algorithms: [...algorithms],
      requiredClaims: ['sub', 'exp'],
      currentDate: new Date(nowMs),
      ...(issuer === undefined ? {} : { issuer }),
      ...(audience === undefined ? {} : { audience }),
    })
    return { claims: checked(payload, nowMs), generation }
  } catch (error) {
    // jose looks at the time last, after the signature, iss and aud.
    if (error instanceof errors.JWTExpired && error.claim === 'exp') {
      checked(error.payload, nowMs)
      throw new Problem('TOKEN_EXPIRED')
    }
    throw error instanceof Problem ? error : invalidToken(error instanceof Error ? error.message : String(error))
  }
}

export function invalidToken(reason: string): Problem {
  return new Problem('INVALID_TOKEN', undefined, { cause: new Error(`The token was rejected: ${reason}`) })
}

const OURS = [ALGORITHM]
const OUR_MEMBERS = ['alg', 'kid', 'typ']
/** A key, or where to get one: keys are those of the key set. And what must be understood, which none is (RFC 7515 4.1.11). */
const REFUSED_MEMBERS = ['jwk', 'jku', 'x5c', 'x5u', 'crit']
const LONGEST = 8_192

/** Checks, before any cryptography, that the token is written strictly, and gives the `kid` of its header. */
function kidOf(token: unknown, { typ, algorithms = OURS, otherMembers = 'refused' }: ExpectedClaims): string {
  if (typeof token !== 'string' || token.length > LONGEST) throw invalidToken('it is not a string, or too long')
  const parts = token.split('.', 4)
  if (parts.length !== 3 || !parts.every(isStrictBase64url)) throw invalidToken('it is not three base64url parts')
  const header = jsonObject(parts[0]!)
  if (header === undefined) throw invalidToken('its header is not a JSON object')
  const names = Object.keys(header)
  const refused = names.find((name) => REFUSED_MEMBERS.includes(name))
  if (refused !== undefined) throw invalidToken(`its header has the member ${refused}`)
  // Of our own tokens we know what we write.
  if (otherMembers === 'refused' && names.some((name) => !OUR_MEMBERS.includes(name)))
    throw invalidToken('its header has a member that is not alg, kid or typ')
  if (!algorithms.includes(header.alg as string)) throw invalidToken(`its alg is not ${algorithms.join(' or ')}`)
  const types = [typ].flat()
  if (!types.some((one) => mediaType(one) === mediaType(header.typ ?? '')))
    throw invalidToken(`its typ is not ${types.join(' or ')}`)
  if (typeof header.kid !== 'string' || header.kid === '') throw invalidToken('its kid is missing')
  return header.kid
}

/** A media type, which is compared without case; `application/` may be left out (RFC 7515 4.1.9). */
function mediaType(typ: unknown): unknown {
  return typeof typ === 'string' ? typ.toLowerCase().replace(/^application\/(?=[^/]*$)/, '') : typ
}

/**
 * Node and jose decode padding, white space, `+/` and stray trailing bits without a word, so that one signature has many
 * spellings (RFC 4648 section 3.5 lets a decoder refuse them). Only the spelling that encoding gives is taken.
 */
function isStrictBase64url(part: string): boolean {
  return part !== '' && Buffer.from(part, 'base64url').toString('base64url') === part
}

function jsonObject(part: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(part, 'base64url').toString('utf8'))
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined
  } catch {
    return undefined
  }
}

const LONGEST_LIFE_S = 10 * 366 * 86_400

function checked(payload: JWTPayload, nowMs: number): Claims {
  const { sub, exp } = payload
  if (typeof sub !== 'string' || sub === '') throw invalidToken('its sub is not a string')
  if (exp === undefined || !Number.isFinite(exp)) throw invalidToken('its exp is not a number')
  if (exp > nowMs / 1000 + LONGEST_LIFE_S)
    throw invalidToken(
      `its exp, ${exp}, is more than ten years ahead: it must be in seconds, but may have been given in milliseconds`,
    )
  return payload as Claims
}
