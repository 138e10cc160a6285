import { Fault } from '../base/errors.ts'

/** Why a server cannot listen, in words that help. Exit code 1: the settings may be right, and the machine not. */
export function listenFault(error: NodeJS.ErrnoException, host: string, port: number): unknown {
  const fault = (code: string, message: string) => new Fault(code, message, { cause: error, exitCode: 1 })
  switch (error.code) {
    case 'EADDRINUSE':
      return fault('PORT_TAKEN', `Port ${port} is taken by another process. Stop that one, or set PORT to a free port`)
    case 'EACCES':
      return fault('PORT_FORBIDDEN', `This user may not listen on port ${port}. Set PORT to one above 1023`)
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return fault('HOST_UNKNOWN', `This machine has no address ${host}. Set HOST to one of its own, such as 127.0.0.1`)
    default:
      return error
  }
}
