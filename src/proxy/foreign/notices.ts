/** What an operator should know of a file, though nothing is wrong: one line for each kind of thing, however often it is there. */
export interface Notices {
  /** `what` is said of all its places: `add('not forwarded', 'TRACE /pets')` gives `not forwarded: TRACE /pets`. */
  add(what: string, place: string): void
  tell(notice: (text: string) => void): void
}

const SHOWN = 5

export function createNotices(): Notices {
  const places = new Map<string, string[]>()
  return {
    add(what, place) {
      const all = places.get(what)
      if (all === undefined) places.set(what, [place])
      else all.push(place)
    },
    tell(notice) {
      for (const [what, all] of places) {
        const more = all.length > SHOWN ? ` and ${all.length - SHOWN} more` : ''
        notice(`${what}: ${all.slice(0, SHOWN).join(', ')}${more}`)
      }
    },
  }
}
