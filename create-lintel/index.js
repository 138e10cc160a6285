#!/usr/bin/env node
import { spawnSync } from 'node:child_process'
import { relative, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { ask, canAsk } from './ask.js'
import { checkName, checkTarget, Refused, readsTypeScript, TEMPLATES, writeProject } from './project.js'

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
  const template =
    options.template ?? (asks ? await ask('Template', DEFAULTS.template, Object.keys(TEMPLATES)) : DEFAULTS.template)
  const files = writeProject(path, { name, template, lintel: options.lintel })
  const shown = relative('.', path) || '.'
  console.log(`${shown}: ${files} files written`)
  if (options.install) install(path, shown)
  tellWhatNext(shown, options.install)
}

function readArguments() {
  try {
    const { values, positionals } = parseArgs({
      allowPositionals: true,
      options: {
        template: { type: 'string' },
        yes: { type: 'boolean', short: 'y', default: false },
        'no-install': { type: 'boolean', default: false },
        lintel: { type: 'string' },
        help: { type: 'boolean', short: 'h', default: false },
      },
    })
    const [folder, ...more] = positionals
    if (more.length > 0) throw new Error(`One folder, please: "${folder}" or "${more[0]}"?`)
    if (values.template !== undefined && !Object.hasOwn(TEMPLATES, values.template))
      throw new Error(`--template is "${values.template}": give ${Object.keys(TEMPLATES).join(', ')}`)
    return { ...values, folder, install: !values['no-install'] }
  } catch (error) {
    throw new Refused(`${error.message}. See npm create lintel -- --help`)
  }
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
