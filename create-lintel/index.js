#!/usr/bin/env node
import { spawnSync } from 'node:child_process'
import { relative, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { ask, canAsk } from './ask.js'
import { checkLintel, checkName, checkTarget, Refused, readsTypeScript, TEMPLATES, writeProject } from './project.js'

const HELP = `Usage: npm create lintel [folder] -- [options]

Makes a project with Lintel in a new folder, and installs what it needs.

Options:
  --template <name>  ${Object.entries(TEMPLATES)
    .map(([name, about]) => `${name}: ${about}`)
    .join('\n                     ')}
  --yes              ask nothing: my-api, of the template api, unless told otherwise
  --no-install       write the files alone
  --lintel <spec>    which lintel to depend on: a version, or the path of a tarball
  --help             show this`

const OPTIONS = {
  template: { type: 'string' },
  yes: { type: 'boolean', short: 'y', default: false },
  'no-install': { type: 'boolean', default: false },
  lintel: { type: 'string' },
  help: { type: 'boolean', short: 'h', default: false },
}

const DEFAULTS = { folder: 'my-api', template: 'api' }

try {
  await create()
} catch (error) {
  if (!(error instanceof Refused)) throw error
  console.error(`create-lintel: ${error.message}`)
  process.exitCode = error.exitCode
}

async function create() {
  const { folder: given, ...options } = readArguments()
  if (options.help) return console.log(HELP)
  const asks = given === undefined && !options.yes && canAsk()
  const folder = given ?? (asks ? await ask('Folder', DEFAULTS.folder) : DEFAULTS.folder)
  const path = resolve(folder)
  const name = checkName(path)
  checkTarget(path, folder)
  if (options.lintel !== undefined) checkLintel(options.lintel)
  const template =
    options.template ?? (asks ? await ask('Template', DEFAULTS.template, Object.keys(TEMPLATES)) : DEFAULTS.template)
  const files = writeProject(path, { name, template, lintel: options.lintel })
  const shown = relative('.', path) || '.'
  console.log(`${shown}: ${files} files written`)
  if (options.install) install(path, shown)
  tellWhatNext(shown, options.install)
}

function readArguments() {
  const { tokens, values, positionals } = parseArgs({
    allowPositionals: true,
    strict: false,
    tokens: true,
    options: OPTIONS,
  })
  for (const token of tokens) if (token.kind === 'option') checkOption(token)
  const [folder, ...more] = positionals
  if (more.length > 0) throw misused(`One folder, please: "${folder}" or "${more[0]}"?`)
  if (values.template !== undefined && !Object.hasOwn(TEMPLATES, values.template))
    throw misused(`--template is "${values.template}": give ${Object.keys(TEMPLATES).join(', ')}.`)
  return { ...values, folder, install: !values['no-install'] }
}

function checkOption({ name, rawName, value }) {
  if (!Object.hasOwn(OPTIONS, name)) {
    const meant = Object.keys(OPTIONS).find((one) => isNearly(name, one))
    throw misused(`There is no option ${rawName}${meant === undefined ? '.' : `: did you mean --${meant}?`}`)
  }
  const takesValue = OPTIONS[name].type === 'string'
  if (takesValue && (value === undefined || value.startsWith('-'))) throw misused(`${rawName} needs a value.`)
  if (!takesValue && value !== undefined) throw misused(`${rawName} takes no value.`)
}

/** The same but for a few letters left out, added, or swapped. */
function isNearly(given, known) {
  const letters = [...given.toLowerCase()]
  const missing = [...known].filter((letter) => {
    const i = letters.indexOf(letter)
    if (i >= 0) letters.splice(i, 1)
    return i < 0
  })
  return missing.length + letters.length <= 2
}

function misused(message) {
  return new Refused(`${message} See npm create lintel -- --help`)
}

/** By the program that runs us, which is the one that the project will be worked on with. */
function install(path, shown) {
  const [program = 'npm'] = /^(npm|pnpm|yarn|bun)(?=\/)/.exec(process.env.npm_config_user_agent ?? '') ?? []
  const quiet = program === 'npm' ? ['--no-audit', '--no-fund', '--loglevel=error'] : []
  console.log(`installing with ${program} …`)
  const { error, status } = spawnSync(program, ['install', ...quiet], {
    cwd: path,
    stdio: 'inherit',
    shell: process.platform === 'win32',
  })
  if (error?.code === 'ENOENT')
    throw new Refused(`${program} was not found: install it, then run \`${program} install\` in ${shown}`, 1)
  if (error || status !== 0)
    throw new Refused(`${program} install failed, and says why above: run it again in ${shown}`, 1)
}

function tellWhatNext(shown, installed) {
  const steps = [
    ...(shown === '.' ? [] : [`cd ${shown}`]),
    ...(installed ? [] : ['npm install']),
    'npm test',
    'npm run dev     # http://127.0.0.1:3000, again after each save',
  ]
  console.log(`\nNext:\n${steps.map((step) => `  ${step}`).join('\n')}`)
  if (!readsTypeScript())
    console.log(`\nThis Node reads no TypeScript: tsx, which the project has, does it (Node 22.18 needs none).`)
}
