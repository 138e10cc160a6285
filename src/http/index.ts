export type { Log } from './log.ts'
export {
  type CloseOptions,
  createHttpServer,
  type HttpServer,
  type HttpServerOptions,
  type RequestHandler,
} from './server.ts'
