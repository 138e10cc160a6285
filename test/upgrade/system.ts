/** The system as the build that BUILD names has it. */
export default (await (process.env.BUILD === 'old' ? import('./old.ts') : import('./new.ts'))).default
