/** A proxy of node:http and undici's pool, and nothing else: nobody is asked who they are, nothing counted, nothing added. */
import { createServer } from 'node:http'
import { Pool } from 'undici'

const { PORT, UPSTREAM } = process.env
const pool = new Pool(UPSTREAM!, { connections: 256, pipelining: 1 })

createServer(async (request, response) => {
  const { statusCode, headers, body } = await pool.request({
    method: request.method!,
    path: request.url!,
    headers: request.headers,
    body: request.method === 'GET' ? null : request,
  })
  response.writeHead(statusCode, headers)
  body.pipe(response)
}).listen(Number(PORT), '127.0.0.1')
process.once('SIGTERM', () => process.exit(0))
