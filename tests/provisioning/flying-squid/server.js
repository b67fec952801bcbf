// A real Minecraft server for the tests: flying-squid started through its API, configured by server.properties of the working
// folder, ended by `stop` on standard input. The library is part of the guest, as Java would be; this file is the artifact.
const { readFileSync } = require('fs')
const { createMCServer } = require('/opt/flying-squid/node_modules/flying-squid')

const lines = readFileSync('server.properties', 'utf8').split('\n').filter(line => line.includes('=') && !line.startsWith('#'))
const properties = Object.fromEntries(lines.map(line => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]))

const server = createMCServer({
  host: '0.0.0.0',
  port: Number(properties['server-port']),
  version: process.argv[2],
  motd: properties.motd,
  'max-players': Number(properties['max-players']),
  'online-mode': false,
  generation: { name: 'superflat', options: {} },
  'view-distance': 2,
  'max-entities': 10,
  'player-list-text': { header: '', footer: '' },
  'everybody-op': false,
  kickTimeout: 10000,
  plugins: {},
  modpe: false,
  gameMode: 0,
  difficulty: 1,
  logging: false
})

process.stdin.on('data', data => {
  if (String(data).split('\n').includes('stop')) {
    console.log('stopping')
    process.exit(0)
  }
})
process.stdin.on('end', () => {})
server.on('error', error => console.error(error))
