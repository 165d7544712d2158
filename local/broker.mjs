// The MQTT broker of the embedded stack: aedes on a loopback port, with its sessions in memory.
// Usage: node broker.mjs <port>. It prints "ready" on stdout once it listens; SIGTERM stops it cleanly.
import { createServer } from 'node:net'
import { Aedes } from 'aedes'

const port = Number(process.argv[2] ?? process.env.PORT)
if (!Number.isInteger(port) || port < 1 || port > 65535) {
  console.error('usage: node broker.mjs <port>')
  process.exit(2)
}

// A whole fleet sends at once; at the default of 100 concurrent messages one slow subscriber would stall it.
const broker = await Aedes.createBroker({ concurrency: 1000, maxClientsIdLength: 128, drainTimeout: 20_000 })
broker.on('clientError', (client, error) => console.error(`client ${client.id}: ${error.message}`))
broker.on('connectionError', (_client, error) => console.error(`connection: ${error.message}`))

// Without noDelay a PUBACK waits for the next packet, which adds 40 ms to every exchange.
const server = createServer({ noDelay: true }, broker.handle)
server.on('error', (error) => {
  console.error(error.message)
  process.exit(1)
})
server.listen(port, '127.0.0.1', () => console.log(`ready on 127.0.0.1:${port}`))

for (const signal of ['SIGTERM', 'SIGINT']) {
  process.once(signal, () => {
    server.close()
    broker.close(() => process.exit(0))
  })
}
