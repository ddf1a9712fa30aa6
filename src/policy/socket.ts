/**
 * The socket at which a mail server connects: a unix socket or a loopback port. Removes a unix socket that a killed
 * process left behind, and nothing else: if a socket answers, or another kind of file has that name, it stays and the
 * server does not start. A socket can be recognised, so that its loss is noticed. Throws errors whose message is one
 * line that says what to do.
 */
import { existsSync, lchownSync, lstatSync, readFileSync, rmSync } from 'node:fs';
import { connect, type ListenOptions } from 'node:net';
import { dirname } from 'node:path';
import { getErrno, getMessage } from '../base/errors.ts';
import { formatListenAddress, type ListenAddress } from './address.ts';

/** What a socket must not have: everybody, or the group, may connect with 0666 and 0660. */
const WITHOUT_EXECUTE = 0o111;
const WITHOUT_OTHERS = 0o117;

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
 * Runs `bind`, which makes the socket at once, so that the mail server may connect, for which it needs write permission:
 * `group` only, or every account that may enter the folder. All that the socket reveals is whether an account is
 * blocked. The mode comes from the umask: a chmod would follow a link that has taken the place of the socket.
 */
export function withAccess(group: string | undefined, bind: () => void): void {
  const umask = process.umask(group === undefined ? WITHOUT_EXECUTE : WITHOUT_OTHERS);
  try {
    bind();
  } finally {
    process.umask(umask);
  }
}

/** Gives the socket to the group. Follows no link. Throws the system error. */
export function grantGroup(address: ListenAddress, group: string | undefined): void {
  if (address.kind === 'inet' || group === undefined) return;
  lchownSync(address.path, -1, findGroupId(group));
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
