import { system } from 'lintel'
import history from './services/history/service.ts'
import notes from './services/notes/service.ts'

export default system({ name: 'my-api', version: '0.1.0', services: [notes, history] })
