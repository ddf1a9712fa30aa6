/** Servers that share, each a process of its own that can be killed, and what the engine has of them. */
import type { ChildProcess } from 'node:child_process';
import { resolve } from 'node:path';
import { PREFIX } from '../../src/share/engine.ts';
import type { RedisServer } from './redis.ts';
import { spawnServer, stopServer } from './server.ts';
import { Host } from './share-host.ts';

const PROGRAM = resolve('dist/cli/main.js'); // scripts/prepare.mjs builds it before the tests

export class HostProcess extends Host {
  readonly #prefix: readonly string[];
  #guard: ChildProcess | undefined;

  /** `prefix`: in front of the command, `ip netns exec NAME` for example. */
  constructor(name: string, url: string, prefix: readonly string[] = []) {
    super(name, url);
    this.#prefix = prefix;
  }

  override start(): void {
    const config = this.folder.at('postern.yaml');
    const argv = [...this.#prefix, process.execPath, PROGRAM, 'run', '--config', config];
    this.#guard = spawnServer(argv, { output: this.folder.at('output') });
  }

  override async stop(): Promise<void> {
    if (this.#guard !== undefined) await stopServer(this.#guard);
    this.#guard = undefined;
  }

  /** Kills the service, at whatever it is. */
  async kill(): Promise<void> {
    const running = this.use((store) => store.state.read('daemon'));
    if (!running) throw new Error(`${this.name} does not run`);
    process.kill(running.pid, 'SIGKILL');
    await this.stop();
  }
}

/** How many events the engine has of a login, on all servers together. */
export async function countMembers(
  redis: RedisServer,
  hosts: readonly Host[],
  login: string,
): Promise<number> {
  const engine = redis.engine('test', { timeout: 30_000 });
  try {
    const counts = await engine.callAll(
      hosts.map(({ name }) => ['ZCARD', `${PREFIX}${name}:c:invalid:user:${login}`]),
    );
    return counts.map(Number).reduce((sum, count) => sum + count, 0);
  } finally {
    engine.close();
  }
}
