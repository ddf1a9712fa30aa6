/**
 * Serves `GET /metrics` on loopback or a unix socket. If it cannot listen, it tries again with growing pauses; the work
 * that is measured never waits for it.
 */
import { createServer, type Server, type ServerResponse } from 'node:http';
import { getMessage } from '../base/errors.ts';
import type { ListenAddress } from '../base/listen-address.ts';
import { Listener } from '../base/listener.ts';
import type { Log } from '../base/log.ts';
import { accessForGroup } from '../base/socket.ts';
import { SECOND } from '../base/time.ts';
import type { Family } from './family.ts';

interface MetricsServerOptions {
  readonly listen: ListenAddress;
  /** group that may connect to the unix socket; undefined: every account that may enter its folder */
  readonly group?: string | undefined;
  /** for messages: `metrics` or `milter.metrics` */
  readonly setting: string;
  readonly families: readonly Family[];
  readonly log: Log;
}

/** Prometheus keeps one connection; a few more are for people. */
const MOST_CONNECTIONS = 16;
/** How long the same figures are given, ms: every account of the host can ask, and making them stops the other work. */
const KEPT = SECOND;

export class MetricsServer {
  readonly #options: MetricsServerOptions;
  readonly #listener: Listener;
  readonly #http: Server;
  #open = 0;

  constructor(options: MetricsServerOptions) {
    const { listen, group, setting, log } = options;
    this.#options = options;
    this.#http = createServer({ requestTimeout: 10 * SECOND, headersTimeout: 5 * SECOND });
    this.#listener = new Listener({
      name: 'metrics',
      address: listen,
      access: accessForGroup(group),
      settings: `${setting}.listen and ${setting}.group`,
      onConnection: (socket) => {
        if (this.#open >= MOST_CONNECTIONS) return void socket.destroy();
        this.#open++;
        socket.once('close', () => this.#open--);
        this.#http.emit('connection', socket);
      },
      log,
    });
  }

  /** why it does not listen, while that is so */
  get failure(): string | undefined {
    return this.#listener.failure;
  }

  /** Listens until `signal` is aborted. Never throws. */
  async run(signal: AbortSignal): Promise<void> {
    // Only who wants figures pays for the library.
    const { buildExposition } = await import('./exposition.ts');
    const { families, log } = this.#options;
    const { contentType, render } = buildExposition(families);
    const read = keepFor(KEPT, render);
    this.#http.on('request', async ({ method, url = '' }, response) => {
      const refusal = refuse(method, url);
      if (refusal !== undefined) return answer(response, ...refusal);
      try {
        answer(response, 200, await read(), contentType);
      } catch (error) {
        log.warn({ error: getMessage(error) }, 'metrics cannot be read');
        answer(response, 500, 'the figures cannot be read now\n');
      }
    });
    await this.#listener.run(signal);
    this.#http.closeAllConnections();
    await this.#listener.waitForConnections();
  }
}

/** Calls `work` again when its last result is `period` ms old. */
function keepFor<T>(period: number, work: () => Promise<T>): () => Promise<T> {
  let last: Promise<T> | undefined;
  let until = 0;
  return () => {
    const now = performance.now();
    if (last === undefined || now >= until) {
      last = work();
      until = performance.now() + period;
    }
    return last;
  };
}

function refuse(method: string | undefined, url: string): [number, string] | undefined {
  if (url.split('?', 1)[0] !== '/metrics') return [404, 'GET /metrics\n'];
  return method === 'GET' || method === 'HEAD' ? undefined : [405, 'GET /metrics\n'];
}

function answer(response: ServerResponse, status: number, body: string, type = 'text/plain'): void {
  response.writeHead(status, { 'Content-Type': type }).end(body);
}
