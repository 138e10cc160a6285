interface Family {
  /** Its lines `# HELP` and `# TYPE`, which come once and first. */
  readonly about: Map<string, string>
  readonly samples: string[]
}

/**
 * Texts for Prometheus of several processes as one: each sample gets the label `worker` with the name of its process. Nothing is
 * added up: Prometheus does that, and knows from the label which counter began anew when a process did.
 */
export function joinMetrics(texts: ReadonlyMap<string, string>): string {
  const families = new Map<string, Family>()
  for (const [worker, text] of texts) {
    let family: Family | undefined
    for (const line of text.split('\n')) {
      const [, kind, name] = /^# (HELP|TYPE) (\S+)/.exec(line) ?? []
      if (name !== undefined) {
        family = families.get(name) ?? { about: new Map(), samples: [] }
        families.set(name, family)
        family.about.set(kind!, line)
      } else if (line !== '') family?.samples.push(labelled(line, worker))
    }
  }
  return [...families.values()].map(({ about, samples }) => `${[...about.values(), ...samples].join('\n')}\n`).join('')
}

/** A value of a label may have a brace in it; the name before the labels has none. */
function labelled(sample: string, worker: string): string {
  const label = `worker="${worker}"`
  const brace = sample.indexOf('{')
  const space = sample.indexOf(' ')
  if (brace < 0 || brace > space) return `${sample.slice(0, space)}{${label}}${sample.slice(space)}`
  const rest = sample.slice(brace + 1)
  return `${sample.slice(0, brace)}{${label}${rest.startsWith('}') ? '' : ','}${rest}`
}
