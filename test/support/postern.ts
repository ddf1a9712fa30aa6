/** The built program as an operator runs it: the service in the background, and single commands. */
import type { ChildProcess } from 'node:child_process';
import { join, resolve } from 'node:path';
import { type CommandResult, runCommand } from '../../src/base/commands.ts';
import { readText, scratchFolder, until } from './folder.ts';
import { spawnServer, stopServer } from './server.ts';

const PROGRAM = resolve('dist/cli/main.js'); // scripts/prepare.mjs builds it before the tests

export interface Postern {
  /** folder of configuration and database */
  readonly path: string;
  /** Starts `postern run` and waits until it is ready. */
  start(): Promise<void>;
  /** Stops it as systemd does. */
  stop(): Promise<void>;
  /** Runs a command of it with this configuration. */
  command(...args: readonly string[]): Promise<CommandResult>;
  /** what the service printed */
  log(): string;
  /** Stops it and removes the folder. */
  remove(): Promise<void>;
}

/** A configuration in a scratch folder; nothing runs yet. */
export function setUpPostern(yaml: string): Postern {
  const folder = scratchFolder('postern-run-');
  const config = folder.write('postern.yaml', yaml);
  const output = join(folder.path, 'postern.out');
  const log = () => readText(output);
  let service: ChildProcess | undefined;
  const stop = async () => {
    if (service !== undefined) await stopServer(service);
    service = undefined;
  };
  return {
    path: folder.path,
    log,
    stop,
    async start() {
      const starts = () => log().split('"started"').length;
      const before = starts();
      const argv = [process.execPath, PROGRAM, 'run', '--config', config];
      service = spawnServer(argv, { output });
      await until('postern to start', () => starts() > before, { evidence: log });
    },
    command: (name, ...args) =>
      runCommand([process.execPath, PROGRAM, name as string, '--config', config, ...args], {
        timeout: 30_000,
      }),
    async remove() {
      await stop();
      folder.remove();
    },
  };
}
