// Preloaded into servers that would bind every interface: whatever they ask
// for, they listen on 127.0.0.1, and they say on which port.
'use strict';
const net = require('node:net');

const listen = net.Server.prototype.listen;
net.Server.prototype.listen = function (...args) {
  const callback = args.findLast((a) => typeof a === 'function');
  const first = args[0];
  const port = typeof first === 'object' && first !== null ? first.port : first;
  this.once('listening', () => {
    const { address, port } = this.address();
    console.error(`loopback: listening on ${address}:${port}`);
  });
  return listen.call(this, { port: Number(port ?? 0), host: '127.0.0.1' }, callback);
};
