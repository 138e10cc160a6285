/** Loaded into each server that is measured: answers what CPU time the process has used, and ends it with the benchmark. */
process.on('message', () => process.send!(process.cpuUsage()))
process.on('disconnect', () => process.kill(process.pid, 'SIGTERM'))
process.channel?.unref()
