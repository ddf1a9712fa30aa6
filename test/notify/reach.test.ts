/** Whether the server for notices can be reached: on loopback, with a server and without one. */
import { createServer, type Server } from 'node:net';
import { afterEach, expect, it } from 'vitest';
import { connectFailure } from '../../src/notify/reach.ts';

let server: Server | undefined;
afterEach(() => server?.close());

/** A port on which a server listens. */
async function listen(): Promise<number> {
  const started = createServer((socket) => socket.on('error', () => {}));
  server = started;
  await new Promise<void>((resolve) => started.listen(0, '127.0.0.1', resolve));
  return (started.address() as { port: number }).port;
}

it('gives no reason when the server answers', async () => {
  const port = await listen();
  expect(await connectFailure({ host: '127.0.0.1', port }, 3000)).toBeUndefined();
});

it('says why when it does not', async () => {
  const port = await listen();
  await new Promise((resolve) => server?.close(resolve));
  expect(await connectFailure({ host: '127.0.0.1', port }, 3000)).toBe('ECONNREFUSED');
});
