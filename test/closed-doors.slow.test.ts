import { readdir, readFile, readlink } from 'node:fs/promises'
import { request } from 'node:http'
import { type ClientHttp2Session, connect, type IncomingHttpHeaders } from 'node:http2'
import type { Socket } from 'node:net'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import type { Caller } from '../src/auth/caller.ts'
import type { Call } from '../src/call/call.ts'
import { CALL_HEADER, PROOF_HEADER, writeCallHead } from '../src/call/call-head.ts'
import { CalledContext, OwnContext } from '../src/call/context.ts'
import { createProofs, digestOf, MAX_AGE_MS } from '../src/call/proof.ts'
import type { Contract } from '../src/contract/contract.ts'
import { rpcPath } from '../src/contract/documents/protobuf.ts'
import type { Operation } from '../src/contract/operation.ts'
import { CALLS } from '../src/door/door.ts'
import {
  ANSWER,
  FrameReader,
  FrameWriter,
  MAX_CALLS,
  type Pipe,
  PROTOCOL,
  readAnswer,
} from '../src/door/framed/frames.ts'
import { servedContract } from '../src/door/greeting.ts'
import { LINTEL_TYPE } from '../src/door/grpc/answers.ts'
import { openExchange } from '../src/door/grpc/exchange.ts'
import { frameOf } from '../src/door/grpc/frames.ts'
import shop from '../system.ts'
import { type PartedSystem, type PartReplica, startParts } from './system-parts.ts'

const KEY = 'the key of the processes of this file alone'
const proofs = createProofs([KEY])
const USER: Caller = {
  kind: 'user',
  id: 'usr_01h455vb4pex5vsknk084sn02q',
  email: 'ann@example.com',
  roles: ['admin'],
  sid: 'ses_1',
  issuedAtMs: 0,
  expiresAtMs: 1,
}
const BODY = Buffer.from('{"a":1}')

let parts: PartedSystem
beforeAll(async () => {
  parts = await startParts(shop, { env: { LINTEL_INTERNAL_KEY: KEY, ADMIN_PORT: '0' } })
}, 120_000)
afterAll(() => parts?.stop())

/** Addresses where a process takes TCP connections, as its kernel tells them: `127.0.0.1:4001`. */
async function listeningOf(pid: number): Promise<string[]> {
  const fds = `/proc/${pid}/fd`
  const links = await Promise.all((await readdir(fds)).map((fd) => readlink(`${fds}/${fd}`).catch(() => '')))
  const inodes = new Set(links.map((link) => /^socket:\[(\d+)\]$/.exec(link)?.[1]))
  const found: string[] = []
  for (const table of ['tcp', 'tcp6'])
    for (const line of (await readFile(`/proc/${pid}/net/${table}`, 'utf8')).split('\n').slice(1)) {
      const [, local = '', , state, , , , , , inode] = line.trim().split(/\s+/)
      if (state === LISTENS && inodes.has(inode)) found.push(addressOf(local))
    }
  return found.sort()
}

const LISTENS = '0A'

/** The kernel writes the four bytes of an IPv4 address in reverse. */
function addressOf(local: string): string {
  const [address = '', port = ''] = local.split(':')
  const shown = address.length === 8 ? [...Buffer.from(address, 'hex')].reverse().join('.') : address
  return `${shown}:${Number.parseInt(port, 16)}`
}

test.runIf(process.platform === 'linux')(
  'R-GW-1: each process listens at its gateway or its door, and at ADMIN_PORT where that is set, on loopback, and nowhere else',
  async () => {
    for (const [name, replicas] of Object.entries(parts.parts))
      for (const { process: running, url } of replicas) {
        const [, admin] = await running!.line(/metrics are at port (\d+) \(ADMIN_PORT\)/)
        const expected = [new URL(url).host, `127.0.0.1:${admin}`].sort()
        expect([name, await listeningOf(running!.pid)]).toEqual([name, expected])
      }
  },
)

interface Sent {
  readonly head?: string
  readonly proof?: string
  readonly body?: Buffer
}

/** What a call that nobody may make looks like, and one that may be made. */
function callsOf(contract: Contract, { id, method, params }: Operation, other: Operation) {
  const call: Call = {
    operation: id,
    method,
    version: 1,
    params: params.map(() => 'ord_1'),
    query: [],
    path: '/',
    body: undefined,
    contentType: 'application/json',
    ifMatch: undefined,
    ifNoneMatch: undefined,
    idempotencyKey: undefined,
    context: new CalledContext(new OwnContext(), { caller: USER }),
  }
  const passage = { to: `${shop.name}/${contract.name}`, from: 'gateway', contract: servedContract(contract).hash }
  const head = writeCallHead(call, passage, digestOf(BODY))
  const replayed = writeCallHead({ ...call, operation: other.id }, passage, digestOf(BODY))
  const old = JSON.stringify({ ...JSON.parse(head), atMs: Date.now() - MAX_AGE_MS - 1_000 })
  const refused: Record<string, Sent> = {
    nothing: {},
    'no proof': { head },
    'a proof without a head': { proof: proofs.sign(head) },
    'a proof of another key': { head, proof: createProofs(['o'.repeat(32)]).sign(head) },
    'the proof of another call': { head, proof: proofs.sign(replayed) },
    'the proof of another body': { head, proof: proofs.sign(head), body: Buffer.from('{"a":2}') },
    'an old proof': { head: old, proof: proofs.sign(old) },
  }
  return { refused, accepted: { head, proof: proofs.sign(head) } }
}

function headersOf({ head, proof }: Sent): Record<string, string> {
  return { ...(head && { [CALL_HEADER]: head }), ...(proof && { [PROOF_HEADER]: proof }) }
}

async function overHttp({ url }: PartReplica, sent: Sent): Promise<number> {
  const answer = await fetch(url + CALLS, { method: 'POST', headers: headersOf(sent), body: sent.body ?? BODY })
  await answer.arrayBuffer()
  return answer.status
}

const UNIMPLEMENTED = 12
const UNAUTHENTICATED = 16

/** The code of gRPC. */
function overGrpc(session: ClientHttp2Session, path: string, sent: Sent): Promise<number> {
  return new Promise((resolve, reject) => {
    const stream = session.request({
      ':method': 'POST',
      ':path': path,
      'content-type': LINTEL_TYPE,
      te: 'trailers',
      ...headersOf(sent),
    })
    const settle = ({ 'grpc-status': status }: IncomingHttpHeaders) => status !== undefined && resolve(Number(status))
    stream.on('response', settle).on('trailers', settle).on('error', reject).resume()
    stream.end(frameOf(sent.body ?? BODY))
  })
}

/** A connection on which calls go as frames, opened with a proof; undefined where its opening is refused with 401. */
function upgraded({ url }: PartReplica, opening: Sent): Promise<Pipe | undefined> {
  return new Promise((resolve, reject) => {
    const headers = { ...headersOf(opening), connection: 'upgrade', upgrade: PROTOCOL }
    request(url + CALLS, { method: 'POST', headers })
      .on('upgrade', (_, socket) => resolve(socket as Socket))
      .on('response', (answer) => {
        answer.resume()
        if (answer.statusCode === 401) resolve(undefined)
        else reject(new Error(`answered ${answer.statusCode}`))
      })
      .on('error', reject)
      .end()
  })
}

/** Sends calls there, each as a frame, and resolves with the status of its answer. */
function framedCalls(pipe: Pipe): (sent: Sent) => Promise<number> {
  onTestFinished(() => void pipe.destroy())
  const waiting = new Map<number, (status: number) => void>()
  const reader = new FrameReader((kind, number, payload) => {
    if (kind === ANSWER) waiting.get(number)?.(readAnswer(payload).status)
  })
  pipe.on('data', (chunk) => reader.push(chunk))
  const writer = new FrameWriter(pipe)
  let last = 0
  // A proof has its place in a frame: none is one of nothing.
  const none = ' '.repeat(proofs.sign('').length)
  return ({ head = '', proof = none, body = BODY }) =>
    new Promise((resolve, reject) => {
      last += MAX_CALLS
      waiting.set(last, resolve)
      pipe.once('close', () => reject(new Error('the connection has ended')))
      writer.call(last, proof, head, body)
    })
}

test('R-GW-2: a connection for frames is opened by nobody without a proof, nor with a forged, replayed or expired one', async () => {
  const contract: Contract = shop.services[0]!.contract
  const [door] = parts.parts[contract.name]!
  const { refused } = callsOf(contract, contract.served[0]!, contract.served[1]!)
  const { 'the proof of another body': _, ...wrong } = refused
  for (const [what, sent] of Object.entries(wrong)) {
    expect([what, await upgraded(door!, sent)]).toEqual([what, undefined])
    await expect(openExchange(door!.url, headersOf(sent), AbortSignal.timeout(20_000))).rejects.toThrow('has ended')
  }
})

test.each(shop.services.map(({ contract }) => [contract.name, contract as Contract] as const))(
  'R-GW-2: every operation of %s refuses a call at its door without a proof, and with a forged, replayed or expired one, over HTTP, gRPC and the frames of both',
  async (name, contract) => {
    const [door] = parts.parts[name]!
    const session = connect(door!.url)
    onTestFinished(() => session.destroy())
    const { served } = contract
    const opening = callsOf(contract, served[0]!, served[1]!).accepted
    const onUpgraded = framedCalls((await upgraded(door!, opening))!)
    const onStream = framedCalls(await openExchange(door!.url, headersOf(opening), AbortSignal.timeout(20_000)))
    for (const [i, operation] of served.entries()) {
      const { refused, accepted } = callsOf(contract, operation, served[(i + 1) % served.length]!)
      const path = rpcPath(contract, operation, contract.latest)
      // A route is no rpc, and goes by no frame, which is said once its head is proven.
      const isRoute = operation.verb === 'route'
      const grpc = isRoute ? UNIMPLEMENTED : UNAUTHENTICATED
      const framed = (what: string) => (isRoute && what === 'the proof of another body' ? 400 : 401)
      for (const [what, sent] of Object.entries(refused))
        expect({
          operation: operation.id,
          what,
          http: await overHttp(door!, sent),
          grpc: await overGrpc(session, path, sent),
          frames: [await onUpgraded(sent), await onStream(sent)],
        }).toEqual({ operation: operation.id, what, http: 401, grpc, frames: [framed(what), framed(what)] })
      // The same call with its own proof is let in: what becomes of it is the service's affair.
      expect(await overHttp(door!, accepted)).not.toBe(401)
      expect(await overGrpc(session, path, accepted)).not.toBe(UNAUTHENTICATED)
      expect(await onUpgraded(accepted)).not.toBe(401)
      expect(await onStream(accepted)).not.toBe(401)
    }
  },
  120_000,
)
