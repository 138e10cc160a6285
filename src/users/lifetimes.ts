import { Fault } from '../base/errors.ts'

/** How long what a users service hands out is good. */
export interface Lifetimes {
  /** Minutes that an access token is good; 15, and 60 at most: what reads it asks nobody. */
  readonly accessTokenMinutes: number
  /** Days that a session lasts after its last refresh; 30, and 365 at most. */
  readonly sessionDays: number
  /** Hours that the link of a mail is good, 1 to 168: 24 to confirm an address, 1 to choose a new password, 24 to set a first one. */
  readonly verificationHours: number
  readonly resetHours: number
  readonly invitationHours: number
}

const LIFETIMES: Readonly<Record<keyof Lifetimes, { usual: number; max: number }>> = {
  accessTokenMinutes: { usual: 15, max: 60 },
  sessionDays: { usual: 30, max: 365 },
  verificationHours: { usual: 24, max: 168 },
  resetHours: { usual: 1, max: 168 },
  invitationHours: { usual: 24, max: 168 },
}

/** The usual ones where none are given. One that is unknown, or out of its bounds, is a Fault INVALID_SERVICE. */
export function lifetimesOf(given: Partial<Lifetimes>): Lifetimes {
  const unknown = Object.keys(given).find((name) => !Object.hasOwn(LIFETIMES, name))
  if (unknown !== undefined)
    throw wrong(`has the unknown member "${unknown}": expected ${Object.keys(LIFETIMES).join(', ')}`)
  const lifetime = (name: keyof Lifetimes) => {
    const { usual, max } = LIFETIMES[name]
    const value = given[name] ?? usual
    if (!Number.isInteger(value) || value < 1 || value > max)
      throw wrong(`has ${value} as ${name}: expected a whole number from 1 to ${max}`)
    return value
  }
  return {
    accessTokenMinutes: lifetime('accessTokenMinutes'),
    sessionDays: lifetime('sessionDays'),
    verificationHours: lifetime('verificationHours'),
    resetHours: lifetime('resetHours'),
    invitationHours: lifetime('invitationHours'),
  }
}

function wrong(message: string): Fault {
  return new Fault('INVALID_SERVICE', `implementUsers(…, { lifetimes }) ${message}`)
}
