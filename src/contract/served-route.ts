/** What a route takes as its body. */
export interface RouteBody {
  /** Media types, such as `application/json`, `image/*`, or any by a star for each part; anything else is a 415. */
  readonly types: readonly string[]
  /** Beyond it: 413. At most 16 MiB, or 1 TiB where it is streamed; 1 MiB by default, and none where it is streamed: say it. */
  readonly maxBytes?: number
  /** The handler reads it while it comes, and holds no more of it than it likes; without it, it has all of it at once. */
  readonly streamed?: boolean
}

/** What is different about an operation that is a route. */
export interface ServedRoute {
  readonly body: Required<RouteBody> | undefined
  /** Media types by status; none where there is no body. */
  readonly answers: Readonly<Record<number, readonly string[]>>
  readonly signsIn: boolean
  /** It answers with events that the server sends, which have no end of their own. */
  readonly isEndless: boolean
}

/** `text/html` of `Text/HTML; charset=utf-8`. */
export function essenceOf(mediaType: string): string {
  const end = mediaType.indexOf(';')
  return (end < 0 ? mediaType : mediaType.slice(0, end)).trim().toLowerCase()
}

/** Whether a media type is one of these, which may be ranges: `image/*`. */
export function isOneOf(mediaType: string, types: readonly string[]): boolean {
  const essence = essenceOf(mediaType)
  return types.some(
    (type) => type === '*/*' || type === essence || (type.endsWith('/*') && essence.startsWith(type.slice(0, -1))),
  )
}
