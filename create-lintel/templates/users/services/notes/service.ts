import { implement } from 'lintel/service'
import { notes } from './contract.ts'

export default implement(notes, {}, { migrations: new URL('./migrations/', import.meta.url) })
