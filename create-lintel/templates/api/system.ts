import { system } from 'lintel'
import notes from './services/notes/service.ts'

export default system({ name: 'my-api', version: '0.1.0', services: [notes] })
