/**
 * Who may use the page: a file with a line for each, `name:role:password`. Passwords are stored as scrypt (RFC 7914) makes
 * them; `-` stands for none, of somebody whom a reverse proxy vouches for.
 */
import { randomBytes, type ScryptOptions, scrypt, timingSafeEqual } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { ChangedFile } from '../base/changed-file.ts';
import { getCause, getErrno, PosternError } from '../base/errors.ts';

export const ROLES = ['view', 'act'] as const;
/** `view` sees everything, `act` also changes something. */
export type Role = (typeof ROLES)[number];

export interface User {
  readonly name: string;
  readonly role: Role;
  /** the stored form, or `-` */
  readonly password: string;
}

const derive = promisify<string, Buffer, number, ScryptOptions, Buffer>(scrypt);

/** 32 MB and about 0.1 s for each guess: the cost that OWASP recommends, by its logarithm. */
const COST = { log: 15, r: 8, p: 3 };
const KEY_BYTES = 32;
const NAME = /^[A-Za-z0-9][A-Za-z0-9._@-]{0,63}$/;
const STORED = /^scrypt,(\d{1,2}),(\d{1,2}),(\d{1,2}),([\w-]+),([\w-]+)$/;

/** Whether a text can be the name of a user. */
export function isUserName(text: string): boolean {
  return NAME.test(text);
}

/** The form of a password that is stored: `scrypt,15,8,3,SALT,KEY`. */
export async function hashPassword(password: string, cost = COST): Promise<string> {
  const salt = randomBytes(16);
  const { log, r, p } = cost;
  const key = await deriveKey(password, salt, cost);
  return ['scrypt', log, r, p, salt.toString('base64url'), key.toString('base64url')].join(',');
}

/** Whether it is this password. A user without one takes as long as any other. */
export async function isPassword(password: string, user: User | undefined): Promise<boolean> {
  const [, log, r, p, salt, key] = STORED.exec(user?.password ?? '') ?? [];
  if (salt === undefined || key === undefined) {
    await deriveKey(password, Buffer.alloc(16), COST);
    return false;
  }
  const cost = { log: Number(log), r: Number(r), p: Number(p) };
  const found = await deriveKey(password, Buffer.from(salt, 'base64url'), cost);
  const expected = Buffer.from(key, 'base64url');
  return found.length === expected.length && timingSafeEqual(found, expected);
}

function deriveKey(password: string, salt: Buffer, { log, r, p }: typeof COST): Promise<Buffer> {
  const N = 2 ** log;
  // Two ways to type one letter are one password.
  return derive(password.normalize('NFC'), salt, KEY_BYTES, { N, r, p, maxmem: 256 * N * r });
}

/** Throws a PosternError (exit status 2) for a line that is none, with its number. */
export function parseUsers(text: string, file: string): Map<string, User> {
  const users = new Map<string, User>();
  for (const [index, line] of text.split('\n').entries()) {
    if (/^\s*(?:#|$)/.test(line)) continue;
    const user = parseUser(line.trim());
    if (user === undefined || users.has(user.name)) {
      const what = user === undefined ? 'expected name:role:password' : 'expected each name once';
      throw new PosternError(
        'configuration',
        `${file}:${index + 1}: ${what} (postern web password writes it)`,
        {
          place: { file, line: index + 1 },
        },
      );
    }
    users.set(user.name, user);
  }
  return users;
}

function parseUser(line: string): User | undefined {
  const [name = '', role = '', password = '', ...more] = line.split(':');
  const known = ROLES.find((each) => each === role);
  const isStored = password === '-' || STORED.test(password);
  if (known === undefined || !isStored || !isUserName(name) || more.length > 0) return undefined;
  return { name, role: known, password };
}

/** The lines that `parseUsers` reads. */
export function formatUsers(users: ReadonlyMap<string, User>): string {
  const lines = [...users.values()].map(
    ({ name, role, password }) => `${name}:${role}:${password}\n`,
  );
  return `# Who may use postern web; written by: postern web password NAME --role act\n${lines.join('')}`;
}

/** The users of a file; none if there is no file. Throws a PosternError if it cannot be read or has a wrong line. */
export function loadUsers(file: string): Map<string, User> {
  try {
    return parseUsers(readFileSync(file, 'utf8'), file);
  } catch (error) {
    if (error instanceof PosternError) throw error;
    if (getErrno(error) === 'ENOENT') return new Map();
    throw new PosternError('environment', `${file}: cannot be read: ${getCause(error)}`, {
      place: { file },
      cause: error,
    });
  }
}

/** The users as the file has them now: whoever is removed from it is out at once. */
export class UserFile {
  readonly #changed: ChangedFile<ReadonlyMap<string, User>>;

  constructor(file: string) {
    this.#changed = new ChangedFile<ReadonlyMap<string, User>>(file, loadUsers, new Map());
  }

  /** Throws as `loadUsers`. */
  find(name: string): User | undefined {
    this.#changed.look();
    return this.#changed.value.get(name);
  }
}
