/**
 * What bench/recipients.ts measures from outside. `back-end`: an SMTP server that answers at once, prints its port.
 * `fill DATABASE COUNT`: a verifier that learns so many addresses, then prints its memory and waits for its end.
 */
import { type AddressInfo, createServer } from 'node:net';
import { silentLog } from '../src/base/log.ts';
import { MemorySaver } from '../src/base/memory-saver.ts';
import { systemClock } from '../src/base/time.ts';
import { AnswerCache } from '../src/recipients/cache.ts';
import { DEFAULTS } from '../src/recipients/defaults.ts';
import { openRecipientStore } from '../src/store/recipients.ts';
import { memoryOf } from './measure.ts';
import { addressOf } from './recipients.ts';

function serve(): void {
  const server = createServer((socket) => {
    socket.setNoDelay(true);
    socket.on('error', () => {});
    socket.write('220 ready\r\n');
    let rest = '';
    socket.on('data', (chunk) => {
      const lines = (rest + chunk.toString('latin1')).split('\r\n');
      rest = lines.pop() as string;
      socket.write(lines.map(answer).join(''));
    });
  });
  server.listen(0, '127.0.0.1', () => console.log((server.address() as AddressInfo).port));
}

/** Every second mailbox exists. */
function answer(line: string): string {
  if (line.startsWith('EHLO')) return '250-ready\r\n250 PIPELINING\r\n';
  // The address that Postern makes up ends in any digit.
  if (line.startsWith('RCPT') && !/<first.*[02468]@/.test(line))
    return '550 5.1.1 User unknown\r\n';
  return '250 2.0.0 ok\r\n';
}

function fill(database: string, count: number): void {
  const { store } = openRecipientStore(database, count);
  const options = { ...DEFAULTS.cache, most: count, mostInMemory: count };
  const cache = new AnswerCache(options, store, { clock: systemClock, log: silentLog });
  const saver = new MemorySaver();
  for (let index = 0; index < count; index++) {
    if (index > 200_000 && index % 1000 === 0) saver.look(); // as src/daemon/recipients.ts does
    cache.put(addressOf(index), index % 2 === 0);
  }
  cache.flush();
  if (cache.size !== count) throw new Error(`${cache.size} addresses are in memory`);
  console.log(JSON.stringify({ ...memoryOf(process.pid), size: cache.size }));
  store.close();
}

const [role, database = '', count = '0'] = process.argv.slice(2);
if (role === 'back-end') serve();
else if (role === 'fill') fill(database, Number(count));
