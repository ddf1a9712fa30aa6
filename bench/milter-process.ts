/** Starts the milters that are compared. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { dirname, join, resolve } from 'node:path';
import { openRecipientStore } from '../src/store/recipients.ts';
import { sleep } from './measure.ts';

/** Starts a Node program and waits until it listens at `place`, a path or a port of 127.0.0.1. Throws if it does not. */
export function startServer(argv: readonly string[], place: string): Promise<ChildProcess> {
  return start(process.execPath, argv, place);
}

/** Builds the C program and starts it at the socket `place`; nothing where no C compiler is installed. */
export async function startCompiled(source: string, place: string) {
  const program = `${place}-program`;
  const { error, status } = spawnSync('cc', ['-O2', '-o', program, source], { stdio: 'inherit' });
  if (error !== undefined) return undefined;
  if (status !== 0) throw new Error(`${source} does not compile`);
  return await start(program, [place], place);
}

async function start(
  program: string,
  argv: readonly string[],
  place: string,
): Promise<ChildProcess> {
  const PATH = `${dirname(process.execPath)}:${process.env.PATH}`;
  const child = spawn(program, argv, { stdio: 'ignore', env: { ...process.env, PATH } });
  for (let tries = 0; tries < 200; tries++) {
    if (/^\d+$/.test(place) ? await accepts(Number(place)) : existsSync(place)) return child;
    await sleep(50);
  }
  child.kill();
  throw new Error(`${program} ${argv[0]} does not listen`);
}

function accepts(port: number): Promise<boolean> {
  return new Promise((done) => {
    const socket = connect(port, '127.0.0.1');
    socket.on('error', () => done(false));
    socket.on('connect', () => {
      socket.destroy();
      done(true);
    });
  });
}

/** Starts Postern there; `recipients`: the section. */
export async function startPostern(folder: string, place: string, recipients?: string) {
  const listen = /^\d+$/.test(place) ? `inet:${place}@127.0.0.1` : `unix:${place}`;
  const name = join(folder, `milter-${randomBytes(3).toString('hex')}`);
  const section = recipients === undefined ? '' : `, recipients: ${recipients}`;
  writeFileSync(
    `${name}.yaml`,
    `milter: { listen: "${listen}", permissions: "0666", state: ${name}.json${section} }\n`,
  );
  return await start(resolve('bin/postern'), ['milter', '--config', `${name}.yaml`], place);
}

/** The section of a verifier of this domain, with a database in which these recipients are known. */
export function known(folder: string, addresses: readonly string[], domain = 'in.example'): string {
  const database = join(folder, `${randomBytes(3).toString('hex')}.db`);
  const { store } = openRecipientStore(database, 1_000_000);
  store.write(addresses.map((address) => ({ address, isValid: true, time: Date.now() })));
  store.close();
  return `{ database: ${database}, domains: [{ domain: ${domain}, servers: "[127.0.0.1]:9" }] }`;
}
