/** What a server that is measured has used so far, and has of memory. */
export type Usage = NodeJS.CpuUsage & NodeJS.MemoryUsage

/** Loaded into each of them: answers whoever asks, and ends it with the benchmark. */
process.on('message', () => process.send!({ ...process.cpuUsage(), ...process.memoryUsage() } satisfies Usage))
process.on('disconnect', () => process.kill(process.pid, 'SIGTERM'))
process.channel?.unref()
