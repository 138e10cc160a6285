// What is live on the page of a system in development: its health, the mails that were caught, and its last events.

const base = new URL('.', location.href)
/** How often it looks again, while the page can be seen. */
const EVERY_MS = 3_000
/** Of mails and events. */
const SHOWN = 10

/** @typedef {{ status: string, latency?: number, message?: string, [figure: string]: string | number | undefined }} Check */
/** @typedef {{ status: string, checks: Record<string, Check> }} Health */
/** @typedef {{ to: string, subject: string, text: string, links: string[], at: string }} Mail */

/** @typedef {{ type: string, aggregateId: string, actor?: string, timestamp: string, data: unknown }} Event */

/** @param {Health} health */
function showHealth({ status, checks }) {
  const badge = document.getElementById('health-status')
  badge?.replaceChildren(status)
  badge?.setAttribute('class', `badge ${status}`)
  const rows = Object.entries(checks).map(([name, check]) =>
    make('tr', make('td', name), make('td', styled('strong', check.status)), make('td', figuresOf(check))),
  )
  const head = ['Check', 'Status', 'Details'].map((title) => {
    const cell = make('th', title)
    cell.scope = 'col'
    return cell
  })
  const table = make('table', make('caption', 'Checks'), make('thead', make('tr', ...head)), make('tbody', ...rows))
  document.getElementById('health-checks')?.replaceChildren(table)
}

/** @param {Check} check */
function figuresOf({ status: _, latency, message, ...figures }) {
  const parts = Object.entries(figures).map(([name, value]) => `${name} ${value}`)
  if (latency !== undefined) parts.unshift(`${latency} ms`)
  if (message !== undefined) parts.unshift(message)
  return parts.join(', ')
}

/** @param {Mail[]} mails */
function showMails(mails) {
  const items = mails.map(({ to, subject, text, links, at }) => {
    const open = links.map((link) => make('li', linkTo(link, link)))
    return make('li', make('strong', subject), ' to ', to, ', ', timeOf(at), make('ul', ...open), folded('Text', text))
  })
  showList('mails-caught', items, 'No mail has been caught yet.', 'dev/mails')
}

/** @param {Event[]} events */
function showEvents(events) {
  const items = events.map(({ type, aggregateId, actor, timestamp, data }) => {
    const by = actor === undefined ? '' : ` by ${actor}`
    const whole = folded('Data', JSON.stringify(data, null, 2))
    return make('li', make('code', type), ' of ', aggregateId, by, ', ', timeOf(timestamp), whole)
  })
  showList('last-events', items, 'None has been published yet.', 'dev/events')
}

/**
 * The first of them, and where all are.
 * @param {string} id
 * @param {HTMLElement[]} items
 * @param {string} none
 * @param {string} path
 */
function showList(id, items, none, path) {
  const all = linkTo(path, `all ${items.length}`)
  const more = items.length > SHOWN ? [make('p', `These are the last ${SHOWN} of `, all, '.')] : []
  const list = items.length === 0 ? make('p', none) : make('ul', ...items.slice(0, SHOWN))
  document.getElementById(id)?.replaceChildren(list, ...more)
}

/** @type {{ path: string, show: (value: any) => void, at: HTMLElement | null, shown: string }[]} */
const live = [
  { path: 'health', show: showHealth, at: document.getElementById('health-checks'), shown: '' },
  { path: 'dev/mails', show: showMails, at: document.getElementById('mails-caught'), shown: '' },
  { path: 'dev/events', show: showEvents, at: document.getElementById('last-events'), shown: '' },
]

/** What is the same is left as it is: whoever reads it, or has unfolded it, is not disturbed. */
async function look() {
  if (document.visibilityState === 'hidden') return
  for (const one of live) {
    if (one.at === null) continue
    try {
      const value = await (await fetch(new URL(one.path, base))).json()
      const told = JSON.stringify(one.path === 'health' ? withoutTimes(value) : value)
      if (told !== one.shown) one.show(value)
      one.shown = told
    } catch {
      one.shown = ''
      const badge = document.getElementById('health-status')
      badge?.replaceChildren('no answer')
      badge?.setAttribute('class', 'badge unhealthy')
    }
  }
}

/** Latencies change with every look, and say nothing new. @param {Health} health */
function withoutTimes({ status, checks }) {
  return [status, Object.entries(checks).map(([name, { latency: _, ...rest }]) => [name, rest])]
}

/**
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} name
 * @param {(Node | string)[]} children
 */
function make(name, ...children) {
  const element = document.createElement(name)
  element.append(...children)
  return element
}

/**
 * @param {string} url
 * @param {string} label
 */
function linkTo(url, label) {
  const link = make('a', label)
  link.href = url
  return link
}

/** @param {string} at RFC 3339. */
function timeOf(at) {
  const time = make('time', new Date(at).toLocaleTimeString())
  time.dateTime = at
  return time
}

/**
 * @param {string} title
 * @param {string} text
 */
function folded(title, text) {
  const details = make('details', make('summary', title), make('pre', text))
  details.className = 'folded'
  return details
}

/**
 * @param {'strong'} name
 * @param {string} text
 */
function styled(name, text) {
  const element = make(name, text)
  element.className = text
  return element
}

void look()
setInterval(() => void look(), EVERY_MS)
document.addEventListener('visibilitychange', () => void look())
