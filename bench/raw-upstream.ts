/** The upstream behind both gateways of W4 remote: it gives FIXED to whatever it is asked. */
import { createServer } from 'node:http'
import { FIXED } from './fixed-answer.ts'

const HEADERS = [
  ...['content-type', 'application/json; charset=utf-8'],
  ...['content-length', String(Buffer.byteLength(FIXED.json))],
  ...['etag', FIXED.etag],
  ...['cache-control', FIXED.cacheControl],
]

createServer((_request, response) => {
  response.writeHead(200, HEADERS).end(FIXED.json)
}).listen(Number(process.env.PORT), '127.0.0.1')
process.once('SIGTERM', () => process.exit(0))
