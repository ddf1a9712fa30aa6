/** A real Redis server on a unix socket in a folder of its own. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { Engine, type EngineOptions } from '../../src/share/engine.ts';
import { available } from './server.ts';

const SERVER = ['/usr/bin/redis-server', '/usr/bin/valkey-server'].find((path) => existsSync(path));

/** For `describe.runIf`. */
export const hasRedis = available(
  'Redis',
  SERVER === undefined ? 'redis-server is missing' : undefined,
);

export class RedisServer {
  readonly folder: string;
  readonly socket: string;
  #process: ChildProcess | undefined;

  /** `folder`: for its socket and its data. */
  constructor(folder: string) {
    this.folder = folder;
    this.socket = join(folder, 'redis.sock');
  }

  /** Starts it, with further settings, and waits until it answers. */
  async start(settings: readonly string[] = []): Promise<void> {
    const process = spawn(
      SERVER as string,
      [
        ...['--port', '0', '--unixsocket', this.socket, '--dir', this.folder, '--save', ''],
        ...settings,
      ],
      { stdio: 'ignore' },
    );
    this.#process = process;
    const engine = this.engine('waiting');
    for (let attempt = 0; ; attempt++) {
      const answer = await engine.call(['PING']).catch((error: Error) => error.message);
      if (answer === 'PONG' || String(answer).startsWith('NOAUTH')) break;
      if (process.exitCode !== null || attempt > 500) throw new Error(`redis: ${answer}`);
      await wait(10);
    }
    engine.close();
  }

  /** A connection for a host. */
  engine(host: string, options: Partial<EngineOptions> = {}): Engine {
    return new Engine({ address: { kind: 'unix', path: this.socket }, host, ...options });
  }

  signal(signal: NodeJS.Signals): void {
    this.#process?.kill(signal);
  }

  async stop(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    const process = this.#process;
    this.#process = undefined;
    if (process === undefined || process.exitCode !== null) return;
    const ended = once(process, 'exit');
    process.kill(signal);
    await ended;
  }
}
