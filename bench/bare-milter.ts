/**
 * The floor for `bench/milter.ts`: the least that a milter in Node can do. Cuts frames off the stream and answers CONTINUE;
 * no state, no macros, no addresses, no limits. Arguments: a path, or a port of 127.0.0.1; and `lean` for one that replies
 * only where Postern does: to RCPT, and to DATA with ACCEPT.
 */
import { createServer } from 'node:net';

const CONTINUE = Buffer.from('\0\0\0\x01c', 'latin1');
const ACCEPT = Buffer.from('\0\0\0\x01a', 'latin1');
const isLean = process.argv[3] === 'lean';
const protocol = isLean ? '\0\0\x51\x72' : '\0\0\x01\x70';
const NEGOTIATED = Buffer.from(`\0\0\0\x0dO\0\0\0\x06\0\0\0\0${protocol}`, 'latin1');
const NO_ANSWER = (isLean ? 'DAQCM' : 'DAQ').split('').map((char) => char.charCodeAt(0));

const place = process.argv[2] ?? '';
const server = createServer({ noDelay: true }, (socket) => {
  let pending: Buffer = Buffer.alloc(0);
  socket.on('error', () => {});
  socket.on('data', (chunk: Buffer) => {
    const bytes = pending.length === 0 ? chunk : Buffer.concat([pending, chunk]);
    const replies: Buffer[] = [];
    let at = 0;
    while (bytes.length - at >= 5) {
      const end = at + 4 + bytes.readUInt32BE(at);
      if (end > bytes.length) break;
      const command = bytes[at + 4] as number;
      if (command === 0x4f) replies.push(NEGOTIATED);
      else if (isLean && command === 0x54) replies.push(ACCEPT);
      else if (!NO_ANSWER.includes(command)) replies.push(CONTINUE);
      at = end;
    }
    pending = bytes.subarray(at);
    if (replies.length > 0)
      socket.write(replies.length === 1 ? replies[0]! : Buffer.concat(replies));
  });
});
server.listen(/^\d+$/.test(place) ? { port: Number(place), host: '127.0.0.1' } : { path: place });
