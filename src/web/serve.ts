/** Serves the page until it is told to stop. */
import type { Server } from 'node:net';
import { createAdaptorServer } from '@hono/node-server';
import { PosternError } from '../base/errors.ts';
import { formatListenAddress } from '../base/listen-address.ts';
import { describeListenFailure, listenAt, removeSocket } from '../base/socket.ts';
import { systemClock } from '../base/time.ts';
import { buildApp } from './app.ts';
import type { Desk } from './desk.ts';

/** Throws a PosternError (exit status 1) if it cannot listen. */
export async function serveWeb(desk: Desk, signal: AbortSignal): Promise<void> {
  const { listen, group } = desk.config.web;
  const app = buildApp(desk, systemClock);
  const server = createAdaptorServer({ fetch: app.fetch }) as Server & {
    closeAllConnections(): void;
  };
  const mark = await start(server, desk);
  desk.log.info(
    { listen: formatListenAddress(listen), ...(group === undefined ? {} : { group }) },
    'web page',
  );
  await new Promise<void>((resolve) => {
    if (signal.aborted) return resolve();
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
  removeSocket(listen, mark);
  const closed = new Promise((resolve) => server.close(resolve));
  server.closeAllConnections();
  await closed;
}

async function start(server: Server, { config: { web } }: Desk): Promise<string | undefined> {
  const access = { mode: 0o660, ...(web.group === undefined ? {} : { group: web.group }) };
  try {
    return await listenAt(server, web.listen, access);
  } catch (error) {
    throw new PosternError(
      'environment',
      `web: ${describeListenFailure(web.listen, error, 'web.listen and web.group')}`,
      { cause: error },
    );
  }
}
