import { createReadStream, createWriteStream } from 'node:fs'
import { mkdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import type { ValuesOf } from 'lintel/contract'
import {
  change,
  findBy,
  insert,
  invalid,
  newId,
  Problem,
  type RouteHandler,
  readField,
  type StreamedRequest,
  type Unit,
} from 'lintel/service'
import { Attachment, type helpdesk, type Ticket } from './contract.ts'
import { openTicket, visibleTicket } from './find-ticket.ts'

/** Files lie in a folder, each under the id of its row: nothing that a client writes is part of a path. */
export const attachment: RouteHandler<typeof helpdesk, 'attachment'> = async (request, unit) => {
  const { method, params, caller } = request
  const ticket = await visibleTicket(params.ticketId, caller, unit)
  if (method === 'PUT') return keep(ticket, request, unit)
  const [row] = await findBy(unit.read, Attachment, { ticketId: ticket.id, name: params.name })
  if (row === undefined) throw new Problem('NOT_FOUND')
  const headers = { 'content-disposition': 'attachment' }
  return { status: 200, headers, body: createReadStream(join(unit.settings.HELPDESK_FILES, readField(row, 'id'))) }
}

/** The transaction begins when the file is whole: no connection waits for a slow client. */
async function keep(
  { id: ticketId, userId }: ValuesOf<typeof Ticket>,
  { params: { name }, stream }: StreamedRequest<{ readonly name: string }>,
  { tx, settings, signal }: Unit<typeof helpdesk>,
) {
  if (name.length > 200) throw invalid('name', 'must have at most 200 characters')
  const folder = settings.HELPDESK_FILES
  await mkdir(folder, { recursive: true })
  const arriving = join(folder, newId('new'))
  try {
    const file = createWriteStream(arriving)
    await pipeline(stream, file, { signal })
    const values = { bytes: file.bytesWritten }
    await openTicket(ticketId, tx)
    const [before] = await findBy(tx, Attachment, { ticketId, name })
    const row = before
      ? await change(tx, Attachment, readField(before, 'id'), values)
      : await insert(tx, Attachment, { ticketId, userId, name, ...values })
    await rename(arriving, join(folder, readField(row, 'id')))
    return { status: 204 } as const
  } finally {
    await rm(arriving, { force: true })
  }
}
