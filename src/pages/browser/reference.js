// What the API reference does in a browser: it sends requests, signs in, and finds operations. All that it knows stands in the page.

/** Where the paths of this page's operations begin: whatever stands before `docs` in its own address. */
const base = new URL('.', location.href)

/** @typedef {{ token: string, name: string }} Session */
/** Kept for this tab alone, until it is closed. */
const session = {
  /** @returns {Session | undefined} */
  get: () => JSON.parse(sessionStorage.getItem('lintel.session') ?? 'null') ?? undefined,
  /** @param {Session | undefined} value */
  set(value) {
    if (value) sessionStorage.setItem('lintel.session', JSON.stringify(value))
    else sessionStorage.removeItem('lintel.session')
    showSession()
  },
}

// Trying

for (const form of document.querySelectorAll('form'))
  if (form.dataset.method !== undefined) {
    form.addEventListener('submit', (event) => {
      event.preventDefault()
      void send(form)
    })
    // What is missing must be seen, or the button seems to do nothing.
    form.addEventListener('invalid', unfold, true)
    form.querySelector('[data-copy]')?.addEventListener('click', () => {
      if (form.reportValidity()) void copy(form)
    })
  }

/** @param {globalThis.Event} event */
function unfold({ target }) {
  if (target instanceof HTMLElement) target.closest('.folded')?.setAttribute('open', '')
}

/** @typedef {{ method: string, url: URL, headers: Record<string, string>, body: string | File | undefined }} Asked */

/**
 * @param {HTMLFormElement} form
 * @returns {Asked}
 */
function requestOf(form) {
  const method = form.dataset.method ?? 'GET'
  let path = form.dataset.path ?? '/'
  const query = new URLSearchParams()
  /** @type {Record<string, string>} */
  const headers = {}
  /** @type {string | File | undefined} */
  let body
  let type = ''
  for (const field of form.elements) {
    if (!('value' in field) || !(field instanceof HTMLElement)) continue
    const { name, value } = /** @type {HTMLInputElement} */ (field)
    const { in: place, repeated } = field.dataset
    if (place === 'path') path = path.replace(`{${name}}`, encodeURIComponent(value))
    else if (place === 'type') type = value
    else if (value === '') continue
    else if (place === 'query' && repeated !== undefined)
      for (const one of value.split(',')) query.append(name, one.trim())
    else if (place === 'query') query.append(name, value)
    else if (place === 'header') headers[name.toLowerCase()] = value
    else if (place === 'body') body = (field instanceof HTMLInputElement && field.files?.[0]) || value
  }
  const kept = session.get()
  if (kept && form.dataset.token !== undefined) headers.authorization = `Bearer ${kept.token}`
  if (body !== undefined) headers['content-type'] = type.includes('*') ? typeOf(body) : type
  const url = new URL(path.slice(1), base)
  url.search = query.toString()
  return { method, url, headers, body }
}

/** Where any type is taken. @param {string | File} body */
function typeOf(body) {
  if (typeof body === 'string') return 'text/plain'
  return body.type === '' ? 'application/octet-stream' : body.type
}

/** @type {WeakMap<HTMLFormElement, AbortController>} */
const sending = new WeakMap()

/** @param {HTMLFormElement} form */
async function send(form) {
  const { method, url, headers, body = null } = requestOf(form)
  const answer = answerOf(form)
  // What still streams from the time before ends.
  sending.get(form)?.abort()
  const ending = new AbortController()
  sending.set(form, ending)
  answer.replaceChildren(make('p', {}, 'Sending…'))
  const begun = performance.now()
  try {
    const response = await fetch(url, { method, headers, body, signal: ending.signal })
    answer.replaceChildren(...answerHead(method, response, Math.round(performance.now() - begun)))
    await showBody(response, answer)
  } catch (error) {
    if (ending.signal.aborted) return
    const failed = make('p', { className: 'failed' }, `The answer did not arrive, or not whole: ${error}`)
    if (answer.querySelector('.status')) answer.append(failed)
    else answer.replaceChildren(failed)
  }
}

/**
 * @param {string} method
 * @param {Response} response
 * @param {number} ms
 */
function answerHead(method, { status, statusText, headers, url }, ms) {
  const said = make(
    'p',
    {},
    make('strong', { className: `status s${String(status)[0]}` }, `${status}`),
    ` ${statusText} in ${ms} ms`,
  )
  const asked = make(
    'p',
    { className: 'asked' },
    make('code', {}, `${method} ${decodeURI(url.slice(location.origin.length))}`),
  )
  /** @type {HTMLElement[]} */
  const parts = [asked, said]
  if (status === 401 && document.getElementById('sign-in')) {
    const button = make('button', { type: 'button', className: 'quiet' }, 'Sign in')
    button.addEventListener('click', openSignIn)
    parts.push(
      make('p', {}, session.get() ? 'The token that was sent is of no use here. ' : 'No token was sent. ', button),
    )
  }
  const lines = [...headers].map(([name, value]) => `${name}: ${value}`).join('\n')
  const shown = make(
    'details',
    { className: 'folded' },
    make('summary', {}, `Headers (${[...headers].length})`),
    pre(lines, 'Headers of the answer'),
  )
  parts.push(shown)
  return parts
}

/**
 * @param {Response} response
 * @param {HTMLElement} answer
 */
async function showBody(response, answer) {
  const type = response.headers.get('content-type') ?? ''
  if (type.startsWith('text/event-stream')) return showStream(response, answer)
  if (type !== '' && !/^text\/|json|xml|javascript|x-www-form-urlencoded/.test(type)) {
    const blob = await response.blob()
    const link = make('a', { href: URL.createObjectURL(blob), download: '' }, `Save ${blob.size} bytes of ${type}`)
    answer.append(make('p', {}, link))
    return
  }
  const text = await response.text()
  if (text === '') return
  answer.append(pre(pretty(text, type), 'Body of the answer'))
  rememberIds(text)
}

/**
 * It has no end of its own: what has come so far is shown.
 * @param {Response} response
 * @param {HTMLElement} answer
 */
async function showStream({ body }, answer) {
  const shown = pre('', 'Body of the answer')
  answer.append(shown)
  const reader = body?.pipeThrough(new TextDecoderStream()).getReader()
  for (let read = await reader?.read(); read?.value !== undefined; read = await reader?.read()) shown.append(read.value)
}

/**
 * @param {string} text
 * @param {string} type
 */
function pretty(text, type) {
  try {
    return type.includes('json') ? JSON.stringify(JSON.parse(text), null, 2) : text
  } catch {
    return text
  }
}

/** @param {HTMLFormElement} form */
async function copy(form) {
  const { method, url, headers, body } = requestOf(form)
  const words = ['curl', '-i', ...(method === 'GET' ? [] : ['-X', method]), quoted(url.href)]
  for (const [name, value] of Object.entries(headers)) words.push('-H', quoted(`${name}: ${value}`))
  if (typeof body === 'string') words.push('-d', quoted(body))
  else if (body) words.push('--data-binary', quoted(`@${body.name}`))
  const command = words.join(' ')
  // Only pages of HTTPS and of this machine may write to the clipboard: shown, it can be copied by hand.
  const copied = await navigator.clipboard?.writeText(command).then(
    () => true,
    () => false,
  )
  answerOf(form).replaceChildren(
    make('p', {}, copied ? 'Copied:' : 'Copy this:'),
    pre(command, 'The request as a curl command'),
  )
}

/** For a shell. @param {string} text */
function quoted(text) {
  return `'${text.replaceAll("'", "'\\''")}'`
}

/** @param {HTMLFormElement} form */
function answerOf(form) {
  const answer = /** @type {HTMLElement} */ (form.parentElement?.querySelector('.answer'))
  answer.hidden = false
  return answer
}

// Ids that were seen are offered where one of their kind is asked for

/** @param {string} text */
function rememberIds(text) {
  for (const [, id = '', prefix] of text.matchAll(/"(([a-z][a-z0-9_]*)_[0-7][0-9a-hjkmnp-tv-z]{25})"/g)) {
    const list =
      document.getElementById(`ids-${prefix}`) ?? document.body.appendChild(make('datalist', { id: `ids-${prefix}` }))
    const options = /** @type {HTMLOptionElement[]} */ ([...list.children])
    if (options.every(({ value }) => value !== id)) list.append(make('option', { value: id }))
  }
}

for (const input of document.querySelectorAll('input')) {
  const [, prefix] = /^([a-z][a-z0-9_]*)_[0-9a-z]{26}$/.exec(input.placeholder) ?? []
  if (prefix !== undefined) input.setAttribute('list', `ids-${prefix}`)
}

// Signing in

const login = document.getElementById('sign-in-form')
login?.addEventListener('submit', (event) => {
  event.preventDefault()
  void signIn(field('sign-in-email').value, field('sign-in-password').value)
})
document.getElementById('token-form')?.addEventListener('submit', (event) => {
  event.preventDefault()
  session.set({ token: field('sign-in-token').value.trim(), name: 'with a token' })
  field('sign-in-token').value = ''
  say('Every request now carries this token.')
})
document.getElementById('sign-out')?.addEventListener('click', () => {
  session.set(undefined)
  say('Requests are sent without a token.')
})

/**
 * @param {string} email
 * @param {string} password
 */
async function signIn(email, password) {
  const url = new URL((login?.dataset.path ?? '').slice(1), base)
  try {
    const response = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ email, password }),
    })
    const answer = await response.json()
    if (!response.ok) return say(answer.error?.message ?? `The answer was ${response.status}`)
    session.set({ token: answer.accessToken, name: email })
    field('sign-in-password').value = ''
    say('Every request now carries your token.')
  } catch (error) {
    say(`There was no answer: ${error}`)
  }
}

/** @param {string} text */
function say(text) {
  document.getElementById('sign-in-says')?.replaceChildren(text)
}

function showSession() {
  const kept = session.get()
  document.getElementById('signed-in')?.replaceChildren(kept ? `Signed in ${kept.name}` : 'Sign in')
  document.getElementById('sign-out')?.toggleAttribute('hidden', !kept)
}

function openSignIn() {
  const panel = document.getElementById('sign-in')
  if (!(panel instanceof HTMLDetailsElement)) return
  panel.open = true
  panel.querySelector('input')?.focus()
}

document.addEventListener('keydown', ({ key }) => {
  const panel = document.getElementById('sign-in')
  if (key !== 'Escape' || !(panel instanceof HTMLDetailsElement) || !panel.open) return
  panel.open = false
  panel.querySelector('summary')?.focus()
})

// Finding

const operations = [...document.querySelectorAll('details')].filter((one) => one.matches('.operation'))

field('find-operation').addEventListener('input', () => {
  const words = field('find-operation').value.toLowerCase().split(/\s+/)
  for (const one of operations) {
    const text = (one.querySelector('summary')?.textContent ?? '').toLowerCase()
    one.hidden = !words.every((word) => text.includes(word))
  }
  for (const section of document.querySelectorAll('main section[id]'))
    section.toggleAttribute('hidden', section.querySelector('.operation:not([hidden])') === null)
  document.getElementById('nothing-found')?.toggleAttribute(
    'hidden',
    operations.some((one) => !one.hidden),
  )
})

/** A link to an operation opens it, and an open operation is what the address of the page says. */
function openLinked() {
  const one = document.getElementById(decodeURIComponent(location.hash.slice(1)))
  if (!(one instanceof HTMLDetailsElement)) return
  one.open = true
  one.scrollIntoView()
}
addEventListener('hashchange', openLinked)
for (const one of operations)
  one.querySelector('summary')?.addEventListener('click', () => {
    if (!one.open) history.replaceState(null, '', `#${one.id}`)
  })

// Elements

/**
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} name
 * @param {Partial<HTMLElementTagNameMap[K]>} properties
 * @param {(Node | string)[]} children
 * @returns {HTMLElementTagNameMap[K]}
 */
function make(name, properties, ...children) {
  const element = Object.assign(document.createElement(name), properties)
  element.append(...children)
  return element
}

/**
 * What is wider than the page scrolls, also by the keyboard.
 * @param {string} text
 * @param {string} label
 */
function pre(text, label) {
  const element = make('pre', { tabIndex: 0 }, text)
  element.setAttribute('role', 'group')
  element.setAttribute('aria-label', label)
  return element
}

/** @param {string} id */
function field(id) {
  return /** @type {HTMLInputElement} */ (document.getElementById(id))
}

showSession()
openLinked()
