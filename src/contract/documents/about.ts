/** What documents say of an API that its contracts do not know. */
export interface About {
  /** The name of the system by default. */
  readonly title?: string
  /** Markdown; it stands before what every document says of versions and errors. */
  readonly description?: string
  readonly contact?: { readonly name?: string; readonly url?: string; readonly email?: string }
  /** `identifier` is SPDX's (`MIT`); where there is none, `url` is where the text is. */
  readonly license?: { readonly name: string; readonly identifier?: string; readonly url?: string }
}

export interface Info extends Pick<About, 'contact' | 'license'> {
  readonly title: string
  readonly version: string
  readonly description: string
}

/** The `info` of a document. */
export function infoOf(
  about: About,
  { title, version, description }: Pick<Info, 'title' | 'version' | 'description'>,
): Info {
  return {
    title: about.title ?? title,
    version,
    description: about.description === undefined ? description : `${about.description}\n\n${description}`,
    ...(about.contact && { contact: about.contact }),
    ...(about.license && { license: about.license }),
  }
}
