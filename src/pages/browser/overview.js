// What is live on the page of a system in development: its health, and the mails that were caught.

const base = new URL('.', location.href)
/** How often it looks again, while the page can be seen. */
const EVERY_MS = 3_000
const SHOWN_MAILS = 10

/** @typedef {{ status: string, latency?: number, message?: string, [figure: string]: string | number | undefined }} Check */
/** @typedef {{ status: string, checks: Record<string, Check> }} Health */
/** @typedef {{ to: string, subject: string, text: string, links: string[], at: string }} Mail */

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
  const list = mails.slice(0, SHOWN_MAILS).map(({ to, subject, text, links, at }) => {
    const when = make('time', new Date(at).toLocaleTimeString())
    when.dateTime = at
    const whole = make('details', make('summary', 'Text'), make('pre', text))
    whole.className = 'folded'
    const open = links.map((link) => {
      const anchor = make('a', link)
      anchor.href = link
      return make('li', anchor)
    })
    return make('li', make('strong', subject), ' to ', to, ', ', when, make('ul', ...open), whole)
  })
  /** @type {HTMLElement[]} */
  const parts = list.length === 0 ? [make('p', 'No mail has been caught yet.')] : [make('ul', ...list)]
  if (mails.length > SHOWN_MAILS) {
    const all = make('a', `all ${mails.length}`)
    all.href = 'dev/mails'
    parts.push(make('p', `These are the last ${SHOWN_MAILS} of `, all, '.'))
  }
  document.getElementById('mails-caught')?.replaceChildren(...parts)
}

/** @type {{ path: string, show: (value: any) => void, at: HTMLElement | null, shown: string }[]} */
const live = [
  { path: 'health', show: showHealth, at: document.getElementById('health-checks'), shown: '' },
  { path: 'dev/mails', show: showMails, at: document.getElementById('mails-caught'), shown: '' },
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
