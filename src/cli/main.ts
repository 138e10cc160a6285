#!/usr/bin/env node
import { holdSignals } from './signals.ts'

holdSignals()
await import('./program.ts')
