/**
 * The place where a mail server connects: a unix socket or a loopback port. Takes away a socket that a killed process
 * left behind, and nothing else: what is no socket, or answers, stays, and the server does not start.
 * A socket is known again, so that its loss is noticed. Throws errors whose message is one line that says what to do.
 */
import { chmodSync, chownSync, existsSync, lstatSync, readFileSync, rmSync } from 'node:fs';
import { connect, type ListenOptions } from 'node:net';
import { dirname } from 'node:path';
import { getErrno, getMessage } from '../base/errors.ts';
import { addressText, type ListenAddress } from './address.ts';

/** What `net.Server.listen` takes; the way is free when it resolves. */
export async function prepare(address: ListenAddress): Promise<ListenOptions> {
  if (address.kind === 'inet') return { host: address.host, port: address.port };
  const { path } = address;
  // libuv says EACCES when the folder is missing.
  if (!existsSync(dirname(path))) throw new Error(`the folder ${dirname(path)} is missing`);
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found !== undefined) {
    if (!found.isSocket()) throw new Error('something that is no socket is there');
    if (await isInUse(path)) throw new Error('another process listens there');
    rmSync(path, { force: true });
  }
  return { path };
}

/** A socket without a process behind it refuses; any other answer may be somebody's. */
function isInUse(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.on('error', (error) => resolve(getErrno(error) !== 'ECONNREFUSED'));
    socket.on('connect', () => {
      socket.destroy();
      resolve(true);
    });
  });
}

/**
 * Lets the mail server connect, for which it must be allowed to write: `group` only, or everybody whom the folder
 * lets in. What may be learned there is whether an account is blocked.
 */
export function openTo(address: ListenAddress, group: string | undefined): void {
  if (address.kind === 'inet') return;
  if (group !== undefined) chownSync(address.path, -1, groupId(group));
  chmodSync(address.path, group === undefined ? 0o666 : 0o660);
}

/** What the socket at `address` is known by; undefined for a port. Throws when it is not there. */
export function socketMark(address: ListenAddress): string | undefined {
  if (address.kind === 'inet') return undefined;
  // Nobody is given this inode again while the socket is listened on.
  const { dev, ino } = lstatSync(address.path);
  return `${dev}:${ino}`;
}

/** Whether the socket with that mark is still in its place; one that cannot be looked at is. */
export function isInPlace(address: ListenAddress, mark: string | undefined): boolean {
  try {
    return socketMark(address) === mark;
  } catch (error) {
    return !['ENOENT', 'ENOTDIR'].includes(getErrno(error) ?? '');
  }
}

function groupId(name: string): number {
  const entry = readFileSync('/etc/group', 'utf8')
    .split('\n')
    .map((line) => line.split(':'))
    .find((fields) => fields[0] === name || fields[2] === name);
  if (entry === undefined) throw new Error(`there is no group ${name}`);
  return Number(entry[2]);
}

/** Why it does not listen, in one line. */
export function listenFailure(address: ListenAddress, error: unknown): string {
  const place = addressText(address);
  const code = getErrno(error);
  if (code === 'EACCES' || code === 'EPERM')
    return `${place}: not permitted (${code}), see policy.listen and policy.group`;
  if (code === 'EADDRINUSE') return `${place}: another process listens there`;
  return `${place}: ${getMessage(error)}`;
}
