import { spawnSync } from 'node:child_process'
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { parseAllDocuments } from 'yaml'
import { mostConnections } from '../src/start/connection-budget.ts'
import { partsOf, requireUrls, uselessUrls } from '../src/start/parts.ts'
import { readSettings, type Settings } from '../src/start/settings.ts'
import { settingsOf } from '../src/start/settings-schema.ts'
import { contractsOf, serviceNames } from '../src/start/system.ts'
import shop from '../system.ts'

const MANIFESTS = fileURLToPath(new URL('../deploy/kubernetes', import.meta.url))
const SECRETS: Readonly<Record<string, string>> = {
  'database-url': 'postgresql://postgres:secret@postgres.example.com:5432/postgres',
  'nats-url': 'nats://nats.example.com:4222',
  'redis-url': 'rediss://:secret@redis.example.com:6379',
  'internal-key': 'k'.repeat(48),
  'admin-password': 'correct horse battery',
  'smtp-url': 'smtps://mail.example.com',
}
const MAX_CONNECTIONS = 200
const FOR_SUPERUSERS = 3

/** What is rendered is not of our making: a manifest, of whatever kind. */
type Manifest = any
const renderer = [
  ['kustomize', 'build'],
  ['kubectl', 'kustomize'],
].find(([program, word]) => spawnSync(program!, [word!, '--help'], { timeout: 20_000 }).status === 0)
if (renderer === undefined)
  console.warn('deploy/kubernetes is not tested: there is neither kustomize nor kubectl on PATH')

describe.skipIf(renderer === undefined).each(['base', 'overlays/example'])('deploy/kubernetes/%s', (place) => {
  let folder: string
  let all: Manifest[]
  const ofKind = (kind: string) => all.filter((one) => one.kind === kind)
  const workloads = () => [...ofKind('Deployment'), ...ofKind('Job')]

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'lt-kustomize-'))
    await cp(MANIFESTS, folder, { recursive: true, filter: (path) => !path.endsWith('/secrets') })
    await mkdir(join(folder, 'overlays/example/secrets'))
    for (const [name, value] of Object.entries(SECRETS)) {
      await writeFile(join(folder, 'overlays/example/secrets', name.replace('-', '_')), value)
      await writeFile(join(folder, name), value)
    }
    const [program, ...args] = renderer!
    const rendered = spawnSync(program!, [...args, join(folder, place)], { timeout: 60_000, encoding: 'utf8' })
    expect(rendered, rendered.stderr).toMatchObject({ status: 0 })
    all = parseAllDocuments(rendered.stdout).map((one) => one.toJS())
  })
  afterAll(() => rm(folder, { recursive: true, force: true }))

  test('has a Deployment, a Service, a budget for disruptions and an autoscaler for each part, and a job that migrates', () => {
    const parts = [...serviceNames(shop), 'gateway'].sort()
    for (const kind of ['Deployment', 'Service', 'PodDisruptionBudget', 'HorizontalPodAutoscaler'])
      expect(
        ofKind(kind)
          .map(({ metadata }) => metadata.name)
          .sort(),
        kind,
      ).toEqual(parts)
    expect(ofKind('Job').map((job) => container(job).args)).toEqual([['migrate']])
    for (const one of ofKind('Deployment')) expect(container(one).args).toEqual(['start', one.metadata.name])
  })

  test('R-OPS-4: each container has the settings that its parts need, right, and no other', () => {
    for (const one of workloads()) {
      const { settings, names } = settingsFor(one)
      const parts = partsOf(shop, container(one).args.slice(1))
      expect(settings.warnings, one.metadata.name).toEqual([])
      for (const name of names) expect([...settingsOf(contractsOf(shop)).keys()], one.metadata.name).toContain(name)
      if (one.kind === 'Job') continue
      requireUrls(shop, parts, settings)
      expect(uselessUrls(parts, settings)).toEqual([])
      expect(settings).toMatchObject({ host: '0.0.0.0', production: true })
      expect(settings.internalKeys).toHaveLength(1)
    }
  })

  test('every port is where the process listens, every Service leads to one Deployment, and every URL to a Service', () => {
    for (const one of ofKind('Deployment')) {
      const { settings } = settingsFor(one)
      expect(portsOf(one)).toEqual({ main: settings.port, admin: settings.adminPort })
      for (const [name, [url]] of settings.serviceUrls) {
        const { spec } = ofKind('Service').find(({ metadata }) => metadata.name === name)
        expect(spec.ports.map(({ port }: Manifest) => `http://${name}:${port}`)).toContain(url!.origin)
      }
    }
    for (const { metadata, spec } of ofKind('Service')) {
      const chosen = ofKind('Deployment').filter((one) => matches(spec.selector, podLabels(one)))
      expect(chosen.map((one) => one.metadata.name)).toEqual([metadata.name])
      for (const { targetPort } of spec.ports) expect(Object.keys(portsOf(chosen[0]))).toContain(targetPort)
    }
    for (const { metadata, spec } of ofKind('HorizontalPodAutoscaler'))
      expect(spec.scaleTargetRef).toMatchObject({ kind: 'Deployment', name: metadata.name })
    for (const { metadata, spec } of ofKind('PodDisruptionBudget')) {
      const chosen = ofKind('Deployment').filter((one) => matches(spec.selector.matchLabels, podLabels(one)))
      expect(chosen.map((one) => one.metadata.name)).toEqual([metadata.name])
    }
  })

  test('R-OPS-1, R-OPS-2: the probes ask what the processes answer, and a pod has longer to end than its process takes', () => {
    for (const one of ofKind('Deployment')) {
      const { startupProbe, livenessProbe, readinessProbe } = container(one)
      expect(startupProbe.httpGet).toEqual({ path: '/health/live', port: 'main' })
      expect(livenessProbe.httpGet).toEqual({ path: '/health/live', port: 'main' })
      expect(readinessProbe.httpGet).toEqual({ path: '/health/ready', port: 'main' })
      const { settings } = settingsFor(one)
      expect(startupProbe.periodSeconds * startupProbe.failureThreshold * 1000).toBeGreaterThan(settings.startTimeoutMs)
      const graceMs = one.spec.template.spec.terminationGracePeriodSeconds * 1000
      expect(graceMs).toBeGreaterThan(settings.shutdownTimeoutMs)
    }
  })

  test('no container is root, may become it, or write to its files', () => {
    for (const one of workloads()) {
      expect(one.spec.template.spec).toMatchObject({
        automountServiceAccountToken: false,
        securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } },
      })
      expect(container(one).securityContext).toEqual({
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        capabilities: { drop: ['ALL'] },
      })
      expect(container(one).resources).toMatchObject({
        requests: { cpu: expect.any(String) },
        limits: { memory: expect.any(String) },
      })
    }
  })

  test('R-GW-1: only those connect to a door that call there', () => {
    const callers = (name: string) =>
      ofKind('Deployment')
        .filter((one) => settingsFor(one).settings.serviceUrls.has(name))
        .map((one) => one.metadata.name)
    const policies = ofKind('NetworkPolicy')
    for (const one of ofKind('Deployment')) {
      const rules = policies
        .filter(({ spec }) => matches(spec.podSelector.matchLabels, podLabels(one)))
        .flatMap(({ spec }) => spec.ingress)
      const toMain = rules.filter(({ ports }) => ports.some(({ port }: Manifest) => port === 'main'))
      const name = one.metadata.name
      if (name === 'gateway') {
        expect(toMain).toEqual([{ ports: [{ port: 'main' }] }])
        continue
      }
      const from = toMain.flatMap((rule) => rule.from.map(({ podSelector }: Manifest) => podSelector.matchLabels))
      const admitted = ofKind('Deployment').filter((other) => from.some((labels) => matches(labels, podLabels(other))))
      expect(admitted.map((other) => other.metadata.name).sort(), name).toEqual(callers(name).sort())
      for (const rule of rules) expect(rule.from, name).toBeDefined()
    }
  })

  test('FC-83: with all replicas, and one more of each during an update, connections fit a PostgreSQL that admits 200', () => {
    let sum = 0
    for (const service of shop.services) {
      const { name } = service.contract
      const scaler = ofKind('HorizontalPodAutoscaler').find(({ metadata }) => metadata.name === name)
      const deployment = ofKind('Deployment').find(({ metadata }) => metadata.name === name)
      const { settings } = settingsFor(deployment)
      expect(settings.natsUrl).toBeDefined()
      const each = mostConnections([service], { poolSize: settings.databasePoolSize })
      sum += (scaler.spec.maxReplicas + deployment.spec.strategy.rollingUpdate.maxSurge) * each
    }
    expect(sum).toBeLessThanOrEqual(MAX_CONNECTIONS - FOR_SUPERUSERS)
  })

  /** What its container reads, from manifests alone: literals, the ConfigMap, and files of the Secret. */
  function settingsFor(workload: Manifest): { settings: Settings; names: readonly string[] } {
    const { env = [], envFrom = [], volumeMounts } = container(workload)
    const given: Record<string, string> = { NODE_ENV: 'production' }
    for (const { configMapRef } of envFrom)
      Object.assign(given, ofKind('ConfigMap').find(({ metadata }) => metadata.name === configMapRef.name).data)
    const files = filesIn(workload, volumeMounts)
    for (const { name, value } of env) {
      const key = files.get(value)
      if (name.endsWith('_FILE') && key === undefined) throw new Error(`${name}: ${value} is not mounted`)
      given[name] = key === undefined ? value : join(folder, key)
    }
    const names = Object.keys(given).map((name) => name.replace(/_FILE$/, ''))
    return { settings: readSettings(given, contractsOf(shop)), names }
  }

  function filesIn(workload: Manifest, mounts: Manifest[]): Map<string, string> {
    const files = new Map<string, string>()
    for (const { name, mountPath } of mounts) {
      const { secret } = workload.spec.template.spec.volumes.find((volume: Manifest) => volume.name === name)
      const made = ofKind('Secret').find(({ metadata }) => metadata.name === secret.secretName)
      if (place !== 'base') expect(Object.keys(made.data)).toEqual(Object.keys(SECRETS).sort())
      for (const { key, path } of secret.items) {
        expect(Object.keys(SECRETS)).toContain(key)
        files.set(join(mountPath, path), key)
      }
    }
    return files
  }
})

function container(workload: Manifest): Manifest {
  const { containers } = workload.spec.template.spec
  expect(containers).toHaveLength(1)
  return containers[0]
}

function portsOf(workload: Manifest): Record<string, number> {
  return Object.fromEntries(container(workload).ports.map(({ name, containerPort }: Manifest) => [name, containerPort]))
}

function podLabels(workload: Manifest): Record<string, string> {
  return workload.spec.template.metadata.labels
}

function matches(selector: Readonly<Record<string, string>>, labels: Readonly<Record<string, string>>): boolean {
  return Object.entries(selector).every(([name, value]) => labels[name] === value)
}
