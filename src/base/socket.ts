/**
 * The socket at which a mail server connects: a unix socket or a port. A unix socket gets its owner, group and mode before
 * anybody can see it: it is made under another name and renamed. Removes a unix socket that a killed process left behind,
 * and nothing else: if a socket answers, or another kind of file has that name, it stays and the server does not start.
 * A socket can be recognised, so that its loss is noticed, and only our own is ever deleted. Throws errors whose message
 * is one line that says what to do.
 */
import { existsSync, lchownSync, lstatSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { connect, type Server } from 'node:net';
import { dirname, join } from 'node:path';
import { randomHex } from './digest.ts';
import { getErrno, getMessage } from './errors.ts';
import { formatListenAddress, type ListenAddress } from './listen-address.ts';

/** Who may connect to a unix socket, for which an account needs write permission. */
export interface SocketAccess {
  /** names or numbers; undefined: those of this process, or the group of the folder if it has the set-group-ID bit */
  readonly owner?: string | undefined;
  readonly group?: string | undefined;
  /** permission bits: 0o660 */
  readonly mode: number;
}

/** Everybody who may enter the folder. */
export const FOR_EVERYBODY: SocketAccess = { mode: 0o666 };

/** `group` only, or everybody who may enter the folder. */
export function accessForGroup(group: string | undefined): SocketAccess {
  return group === undefined ? FOR_EVERYBODY : { group, mode: 0o660 };
}

/**
 * Makes `server` listen at `address`; returns what identifies the socket, undefined for a port. Throws the system error,
 * or an error with one line, and leaves nothing behind then.
 */
export async function listenAt(
  server: Server,
  address: ListenAddress,
  access: SocketAccess,
): Promise<string | undefined> {
  if (address.kind === 'inet') {
    await startListening(server, () => server.listen({ host: address.host, port: address.port }));
    return undefined;
  }
  await clearPlace(address);
  // Node deletes the name that it was given when the server is closed: this one, not what has taken the place meanwhile.
  const hidden = join(dirname(address.path), `.${randomHex(3)}`);
  try {
    await startListening(server, () => listenUnder(server, hidden, access.mode));
    giveAway(hidden, access);
    renameSync(hidden, address.path);
    return readMark(address.path);
  } catch (error) {
    server.close();
    throw error;
  }
}

/** Node binds before `listen` returns, so that the umask of this moment counts and the mode needs no change later. */
function listenUnder(server: Server, path: string, mode: number): void {
  const before = process.umask(0o777 & ~mode);
  try {
    server.listen({ path });
  } finally {
    process.umask(before);
  }
}

function startListening(server: Server, start: () => void): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.once('listening', () => {
      server.off('error', reject);
      resolve();
    });
    start();
  });
}

function giveAway(path: string, { owner, group }: SocketAccess): void {
  const { uid, gid } = lstatSync(path);
  const wanted = {
    uid: owner === undefined ? uid : findId('/etc/passwd', owner, 'account'),
    gid: group === undefined ? gid : findId('/etc/group', group, 'group'),
  };
  if (wanted.uid !== uid || wanted.gid !== gid) lchownSync(path, wanted.uid, wanted.gid);
}

/** Makes the place free for a socket of ours. Throws an error if that must not be. */
export async function clearPlace(address: ListenAddress): Promise<void> {
  if (address.kind === 'inet') return;
  const { path } = address;
  // libuv reports EACCES if the folder is missing.
  if (!existsSync(dirname(path))) throw new Error(`the folder ${dirname(path)} is missing`);
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined) return;
  if (!found.isSocket()) throw new Error('something that is not a socket has that name');
  if (await isInUse(path)) throw new Error('another process listens there');
  rmSync(path, { force: true });
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

/** What identifies a socket. No other file gets its inode while it is open. Throws the system error. */
function readMark(path: string): string {
  const { dev, ino } = lstatSync(path);
  return `${dev}:${ino}`;
}

/** Whether the socket with that mark is still in its place. Assumes so if it cannot be examined. */
export function isInPlace(address: ListenAddress, mark: string | undefined): boolean {
  if (address.kind === 'inet') return true;
  try {
    return readMark(address.path) === mark;
  } catch (error) {
    return !['ENOENT', 'ENOTDIR'].includes(getErrno(error) ?? '');
  }
}

/**
 * Removes the name of the socket with that mark, if it still belongs to it. One that may not be removed stays: nobody listens
 * there, and the next process that may clears the place.
 */
export function removeSocket(address: ListenAddress, mark: string | undefined): void {
  if (address.kind !== 'unix' || !isInPlace(address, mark)) return;
  try {
    rmSync(address.path, { force: true });
  } catch (error) {
    if (!['EACCES', 'EPERM', 'EROFS'].includes(getErrno(error) ?? '')) throw error;
  }
}

/** The number of an account or group by its name or number. Throws an error with one line if there is none. */
export function findId(file: string, name: string, what: string): number {
  const entry = readFileSync(file, 'utf8')
    .split('\n')
    .map((line) => line.split(':'))
    .find((fields) => fields[0] === name || fields[2] === name);
  if (entry === undefined) throw new Error(`there is no ${what} ${name}`);
  return Number(entry[2]);
}

/** Why a server does not listen, in one line; `options`: those that decide it. */
export function describeListenFailure(
  address: ListenAddress,
  error: unknown,
  options: string,
): string {
  const place = formatListenAddress(address);
  const code = getErrno(error);
  if (code === 'EACCES' || code === 'EPERM')
    return `${place}: not permitted (${code}), see ${options}`;
  if (code === 'EADDRINUSE') return `${place}: another process listens there`;
  return `${place}: ${getMessage(error)}`;
}
