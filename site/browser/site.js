// The search, and the list of pages on a phone. Everything else is there without a script.

const root = document.documentElement.dataset.root ?? ''
const input = /** @type {HTMLInputElement} */ (document.getElementById('search'))
const results = /** @type {HTMLElement} */ (document.getElementById('results'))
const menu = /** @type {HTMLElement} */ (document.getElementById('menu'))
const nav = /** @type {HTMLElement} */ (document.getElementById('nav'))
const MOST = 12

document.documentElement.classList.add('scripted')

menu.addEventListener('click', () => {
  const isOpen = nav.classList.toggle('open')
  menu.setAttribute('aria-expanded', String(isOpen))
})

nav.querySelector('[aria-current]')?.scrollIntoView({ block: 'nearest' })

/** @typedef {{ heading: string, anchor: string, text: string }} Section */
/** @typedef {{ path: string, title: string, sections: Section[] }} Page */

/** @type {Promise<void> | undefined} */
let loading

/** Loads the index when it is first needed: it is as big as all pages together. */
function load() {
  loading ??= new Promise((resolve, reject) => {
    const script = document.createElement('script')
    script.src = `${root}search-index.js`
    script.onload = () => resolve()
    script.onerror = () => reject(new Error('search-index.js is missing'))
    document.head.append(script)
  })
  return loading
}

async function search() {
  const words = input.value.toLowerCase().split(/\s+/).filter(Boolean)
  if (words.length === 0) return hide()
  await load()
  const index = /** @type {{ searchIndex: Page[] }} */ (/** @type {unknown} */ (globalThis)).searchIndex
  const found = index
    .flatMap((page) => page.sections.map((section) => ({ page, section, score: scoreOf(words, page, section) })))
    .filter(({ score }) => score > 0)
    .sort((a, b) => b.score - a.score)
    .slice(0, MOST)
  results.replaceChildren(...(found.length > 0 ? found.map((one) => item(words, one)) : [nothing()]))
  results.hidden = false
}

/**
 * 0 unless every word is there. What stands in a heading counts most, at the beginning of a word more than within one.
 * @param {string[]} words
 * @param {Page} page
 * @param {Section} section
 */
function scoreOf(words, page, section) {
  let score = page.path.startsWith('decisions/') || page.path === 'changelog.html' ? 0 : 3
  for (const word of words) {
    const best = Math.max(
      rank(section.heading, word) * 10,
      rank(page.title, word) * (section.anchor === '' ? 14 : 6),
      rank(section.text, word) * 2,
    )
    if (best === 0) return 0
    score += best
  }
  const phrase = words.join(' ')
  if (words.length > 1) score += rank(section.heading, phrase) * 10 + rank(section.text, phrase) * 4
  return score
}

/**
 * @param {string} text
 * @param {string} word
 */
function rank(text, word) {
  const lower = text.toLowerCase()
  const at = lower.indexOf(word)
  if (at === -1) return 0
  const begins = new RegExp(`(^|[^\\p{L}\\p{N}])${literal(word)}`, 'u').test(lower)
  return begins ? 2 : 1
}

/**
 * @param {string[]} words
 * @param {{ page: Page, section: Section }} found
 */
function item(words, { page, section }) {
  const link = document.createElement('a')
  link.href = `${root}${page.path}${section.anchor === '' ? '' : `#${section.anchor}`}`
  const title = document.createElement('strong')
  title.textContent = section.anchor === '' ? page.title : `${page.title} › ${section.heading}`
  const excerpt = document.createElement('span')
  excerpt.append(...excerptOf(section.text, words))
  link.append(title, excerpt)
  return link
}

/**
 * @param {string} text
 * @param {string[]} words
 */
function excerptOf(text, words) {
  const lower = text.toLowerCase()
  const together = lower.indexOf(words.join(' '))
  const places = together >= 0 ? [together] : words.map((word) => lower.indexOf(word)).filter((at) => at >= 0)
  const from = Math.max(0, Math.min(...(places.length > 0 ? places : [0])) - 40)
  const start = from === 0 ? 0 : text.indexOf(' ', from) + 1
  const part = `${start > 0 ? '… ' : ''}${text.slice(start, start + 160)}`
  const pattern = new RegExp(`(${words.map(literal).join('|')})`, 'giu')
  return part.split(pattern).map((piece, at) => {
    if (at % 2 === 0) return piece
    const mark = document.createElement('mark')
    mark.textContent = piece
    return mark
  })
}

/** @param {string} text */
function literal(text) {
  return text.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&')
}

function nothing() {
  const line = document.createElement('p')
  line.textContent = 'Nothing found: try fewer words, or the beginning of one.'
  return line
}

function hide() {
  results.hidden = true
  results.replaceChildren()
}

input.addEventListener('focus', () => void load())
input.addEventListener('input', () => void search())

document.addEventListener('keydown', (event) => {
  const isTyping = document.activeElement === input
  if (event.key === '/' && !isTyping) {
    event.preventDefault()
    input.focus()
  }
  if (event.key === 'Escape') {
    hide()
    input.blur()
  }
  const links = [...results.querySelectorAll('a')]
  const at = links.findIndex((link) => link === document.activeElement)
  if (links.length === 0 || (!isTyping && at === -1)) return
  if (event.key === 'Enter' && isTyping) links[0]?.click()
  if (event.key === 'ArrowDown') links[at + 1]?.focus()
  if (event.key === 'ArrowUp') (at > 0 ? links[at - 1] : input)?.focus()
  if (event.key.startsWith('Arrow') && event.key !== 'ArrowLeft' && event.key !== 'ArrowRight') event.preventDefault()
})

document.addEventListener('click', ({ target }) => {
  if (!(target instanceof Node) || (!results.contains(target) && target !== input)) hide()
  if (target instanceof HTMLAnchorElement && results.contains(target)) hide()
})
