import { register } from 'node:module'

// `node --import` of this file runs TypeScript, for the processes that tests start. tsx, which does it for users, resolves each
// import in several ways before it finds what is named in full here: with it, half of what a start costs was its own.
register('./hooks.mjs', import.meta.url)
process.setSourceMapsEnabled(true)
