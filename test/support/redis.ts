/** A real Redis server, or Valkey, on a unix socket in a folder of its own. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { Engine, type EngineOptions } from '../../src/share/engine.ts';
import { available, missingParts } from './server.ts';
import { prepareValkey, VALKEY } from './valkey.ts';

const SERVER = ['/usr/bin/redis-server', '/usr/bin/valkey-server'].find((path) => existsSync(path));

/** For `describe.runIf`. */
export const hasRedis = available(
  'Redis',
  SERVER === undefined ? 'redis-server is missing' : undefined,
);

interface EngineProgram {
  readonly name: string;
  readonly argv: readonly string[];
  readonly prepare?: () => Promise<void>;
}

const REDIS: EngineProgram = { name: 'Redis', argv: [SERVER ?? 'redis-server'] };

/** For `describe.each`: Redis if it is installed, and in the long form of the tests the Valkey of Debian 13. */
export const ENGINES: readonly EngineProgram[] = [
  ...(hasRedis ? [REDIS] : []),
  ...(process.env.POSTERN_TORTURE === 'long' &&
  available('Valkey', missingParts(['/usr/sbin/debootstrap'], []))
    ? [{ name: 'Valkey', argv: VALKEY, prepare: prepareValkey }]
    : []),
];

/** Fetching it takes minutes, ms. */
export const ENGINE_PATIENCE = 1_200_000;

export class RedisServer {
  readonly folder: string;
  readonly socket: string;
  readonly #program: EngineProgram;
  #process: ChildProcess | undefined;

  /** `folder`: for its socket and its data. */
  constructor(folder: string, program = REDIS) {
    this.#program = program;
    this.folder = folder;
    this.socket = join(folder, 'redis.sock');
  }

  /** Starts it, with further settings, and waits until it answers. */
  async start(settings: readonly string[] = []): Promise<void> {
    await this.#program.prepare?.();
    const [command, ...options] = this.#program.argv as [string, ...string[]];
    const process = spawn(
      command,
      [
        ...options,
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
