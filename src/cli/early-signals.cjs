// Preloaded by `npm start` and `npm run lintel`: tsx takes longest of all to load, and a signal meanwhile would end the process
// (FC-118). signals.ts takes over; what is built needs none of this.
for (const signal of ['SIGTERM', 'SIGINT'])
  process.on(signal, () => {
    process.earlySignal ??= signal
  })
