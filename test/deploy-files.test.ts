import { execFileSync } from 'node:child_process'
import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { parse, parseAllDocuments } from 'yaml'
import system from '../system.ts'

const deploy = fileURLToPath(new URL('../deploy/', import.meta.url))

const compose = parse(await text('compose.yaml'), { merge: true })
const overlay = parse(await text('kubernetes/overlays/example/kustomization.yaml'))
const keys = new Map(overlay.secretGenerator[0].files.map((one: string) => one.split('=')))
/** As start.ts decides whether to say that mail waits. */
const senders = system.services.filter(({ mailers }) => mailers.length > 0)

test('make-secrets.sh makes every file that compose.yaml and the overlay for Kubernetes read, in a folder for its owner alone', async () => {
  const root = await mkdtemp(join(tmpdir(), 'lintel-secrets-'))
  try {
    const folder = join(root, 'secrets')
    execFileSync(join(deploy, 'make-secrets.sh'), [folder])
    const made = (await readdir(folder)).map((name) => `secrets/${name}`)
    const ofCompose = Object.values<{ file: string }>(compose.secrets).map(({ file }) => file)
    expect(made.toSorted()).toEqual([...new Set([...ofCompose, ...keys.values()])].toSorted())
    expect((await stat(folder)).mode & 0o777).toBe(0o700)

    const first = await readFile(join(folder, 'database_url'), 'utf8')
    execFileSync(join(deploy, 'make-secrets.sh'), [folder])
    expect(await readFile(join(folder, 'database_url'), 'utf8'), 'made once').toBe(first)
  } finally {
    await rm(root, { recursive: true })
  }
})

test('a service that sends mail is told where in compose.yaml, and has a way out', () => {
  expect(senders.map(({ contract }) => contract.name)).toEqual(['users', 'orders'])
  for (const { contract } of senders) {
    const { environment, networks } = compose.services[contract.name]
    expect(environment).toHaveProperty('SMTP_URL')
    expect(networks.some((name: string) => !compose.networks[name]?.internal)).toBe(true)
  }
})

test('so is it on Kubernetes, and every secret that a pod reads is among those of the overlay', async () => {
  for (const name of ['migrate', 'users', 'orders', 'gateway']) {
    const [workload] = parseAllDocuments(await text(`kubernetes/base/${name}.yaml`)).map((one) => one.toJS())
    const { containers, volumes } = workload.spec.template.spec
    const items: { key: string; path: string }[] = volumes[0].secret.items
    const files = containers[0].env.filter((one: { name: string }) => one.name.endsWith('_FILE'))
    expect(files.map(({ value }: { value: string }) => value).toSorted()).toEqual(
      items.map(({ path }) => `/run/secrets/lintel/${path}`).toSorted(),
    )
    for (const { key } of items) expect(keys.has(key), key).toBe(true)
    if (senders.some(({ contract }) => contract.name === name))
      expect(files).toContainEqual(expect.objectContaining({ name: 'SMTP_URL_FILE' }))
  }
})

async function text(path: string): Promise<string> {
  return readFile(join(deploy, path), 'utf8')
}
