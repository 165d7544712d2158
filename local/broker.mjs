// The MQTT broker of the embedded stack: aedes, with its sessions in memory.
// Usage: node broker.mjs <address> <port>. It prints "ready" on stdout once it listens; SIGTERM stops it cleanly.
// With BROKER_LOGINS, passwords by user as JSON, nobody else connects, and the user `camera` has the rights of devices.
import { createHash, timingSafeEqual } from 'node:crypto'
import { createServer } from 'node:net'
import { Aedes } from 'aedes'

const [host, port] = [process.argv[2], Number(process.argv[3])]
if (!host || !Number.isInteger(port) || port < 1 || port > 65535) {
  console.error('usage: node broker.mjs <address> <port>')
  process.exit(2)
}

// A whole fleet sends at once; at the default of 100 concurrent messages one slow subscriber would stall it.
const broker = await Aedes.createBroker({ concurrency: 1000, maxClientsIdLength: 128, drainTimeout: 20_000 })
broker.on('clientError', (client, error) => console.error(`client ${client.id}: ${error.message}`))
broker.on('connectionError', (_client, error) => console.error(`connection: ${error.message}`))
if (process.env.BROKER_LOGINS) admit(JSON.parse(process.env.BROKER_LOGINS))

function admit(logins) {
  const digest = (text) => createHash('sha256').update(text).digest()
  const isDevices = (topic, kinds) => {
    const [root, device, kind, ...rest] = topic.split('/')
    return root === 'ESP32CAM' && device && kinds.includes(kind) && rest.length === 0
  }
  broker.authenticate = (client, user, password, done) => {
    const wanted = Object.hasOwn(logins, user ?? '') ? logins[user] : undefined
    const same = wanted !== undefined && timingSafeEqual(digest(password ?? ''), digest(wanted))
    client.isCamera = user === 'camera'
    done(same ? null : Object.assign(new Error('wrong login'), { returnCode: 4 }), same)
  }
  broker.authorizePublish = (client, { topic }, done) =>
    done(!client?.isCamera || isDevices(topic, ['status', 'data']) ? null : new Error(`may not publish to ${topic}`))
  // A subscription that is refused is answered with 128.
  broker.authorizeSubscribe = (client, subscription, done) =>
    done(null, !client.isCamera || isDevices(subscription.topic, ['ack', 'cmd']) ? subscription : null)
}

// Without noDelay a PUBACK waits for the next packet, which adds 40 ms to every exchange.
const server = createServer({ noDelay: true }, broker.handle)
server.on('error', (error) => {
  console.error(error.message)
  process.exit(1)
})
server.listen(port, host, () => console.log(`ready on ${host}:${port}`))

for (const signal of ['SIGTERM', 'SIGINT']) {
  process.once(signal, () => {
    server.close()
    broker.close(() => process.exit(0))
  })
}
