import { startGateway } from '../start/start-gateway.ts'
import { readArguments } from './gateway.ts'
import { runWorker } from './run-worker.ts'

/** A worker of `lintel gateway`: its argument is what the command was given, as JSON. */
await runWorker((options) => startGateway(readArguments(JSON.parse(process.argv[2]!)), process.env, options))
