/**
 * The socket at which a mail server connects: a unix socket or a loopback port. Removes a unix socket that a killed
 * process left behind, and nothing else: if a socket answers, or another kind of file has that name, it stays and the
 * server does not start. A socket can be recognised, so that its loss is noticed. Throws errors whose message is one
 * line that says what to do.
 */
import { chmodSync, chownSync, existsSync, lstatSync, readFileSync, rmSync } from 'node:fs';
import { connect, type ListenOptions } from 'node:net';
import { dirname } from 'node:path';
import { getErrno, getMessage } from '../base/errors.ts';
import { formatListenAddress, type ListenAddress } from './address.ts';

const FOR_EVERYBODY = 0o666;
const FOR_GROUP = 0o660;

/** What `net.Server.listen` takes; the place is free when it resolves. Throws an error if it is not. */
export async function clearPlace(address: ListenAddress): Promise<ListenOptions> {
  if (address.kind === 'inet') return { host: address.host, port: address.port };
  const { path } = address;
  // libuv reports EACCES if the folder is missing.
  if (!existsSync(dirname(path))) throw new Error(`the folder ${dirname(path)} is missing`);
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found !== undefined) {
    if (!found.isSocket()) throw new Error('something that is not a socket has that name');
    if (await isInUse(path)) throw new Error('another process listens there');
    rmSync(path, { force: true });
  }
  return { path };
}

/** A socket without a process behind it refuses; with any other answer a process may be using it. */
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
 * Lets the mail server connect, for which it needs write permission: `group` only, or every account that may enter the
 * folder. All that the socket reveals is whether an account is blocked. Throws the system error.
 */
export function grantAccess(address: ListenAddress, group: string | undefined): void {
  if (address.kind === 'inet') return;
  if (group !== undefined) chownSync(address.path, -1, findGroupId(group));
  chmodSync(address.path, group === undefined ? FOR_EVERYBODY : FOR_GROUP);
}

/** What identifies the socket at `address`; undefined for a port. Throws the system error if it does not exist. */
export function readSocketMark(address: ListenAddress): string | undefined {
  if (address.kind === 'inet') return undefined;
  // No other file gets this inode while the socket is open.
  const { dev, ino } = lstatSync(address.path);
  return `${dev}:${ino}`;
}

/** Whether the socket with that mark is still in its place. Assumes so if it cannot be examined. */
export function isInPlace(address: ListenAddress, mark: string | undefined): boolean {
  try {
    return readSocketMark(address) === mark;
  } catch (error) {
    return !['ENOENT', 'ENOTDIR'].includes(getErrno(error) ?? '');
  }
}

function findGroupId(name: string): number {
  const entry = readFileSync('/etc/group', 'utf8')
    .split('\n')
    .map((line) => line.split(':'))
    .find((fields) => fields[0] === name || fields[2] === name);
  if (entry === undefined) throw new Error(`there is no group ${name}`);
  return Number(entry[2]);
}

/** Why the service does not listen, in one line. */
export function describeListenFailure(address: ListenAddress, error: unknown): string {
  const place = formatListenAddress(address);
  const code = getErrno(error);
  if (code === 'EACCES' || code === 'EPERM')
    return `${place}: not permitted (${code}), see policy.listen and policy.group`;
  if (code === 'EADDRINUSE') return `${place}: another process listens there`;
  return `${place}: ${getMessage(error)}`;
}
