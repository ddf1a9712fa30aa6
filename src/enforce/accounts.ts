/**
 * Login names of local accounts, and back: Postfix logs a number, its `authorized_submit_users` matches names.
 * Reads /etc/passwd, then runs `getent` for accounts from elsewhere (LDAP, SSSD). An account that neither knows stays
 * unknown. Never throws.
 */
import { readFileSync } from 'node:fs';
import { runCommand } from '../base/commands.ts';

export interface AccountOptions {
  /** default /etc/passwd */
  readonly passwd?: string;
  /** argument vector to which the number or name is added; [] for none. Default `getent passwd`. */
  readonly getent?: readonly string[];
}

/** Names that are passed to getent: not an option, not a number. */
const LOGIN = /^(?!\d+$)[a-z0-9_.][^:\s]*$/;
const UID = /^\d{1,10}$/;
const GETENT_TIMEOUT = 5000;
const GETENT_LIMIT = 100;

/** Login names by number, from the text of passwd(5) lines. */
export function parseLoginNames(passwd: string): Map<string, string> {
  const names = new Map<string, string>();
  for (const line of passwd.split('\n')) {
    const [name, , uid] = line.split(':', 3);
    if (name && uid && /^\d+$/.test(uid) && !names.has(uid)) names.set(uid, name);
  }
  return names;
}

/** The names of those uids that have one, by uid. */
export async function findLogins(
  uids: readonly string[],
  options: AccountOptions = {},
): Promise<ReadonlyMap<string, string>> {
  return await lookUp(uids, UID, parseLoginNames, options);
}

/**
 * The uids of those login names that have one, by the name in lower case: that is how Postfix compares them and how
 * our lines write them. A number is not a name.
 */
export async function findUids(
  names: readonly string[],
  options: AccountOptions = {},
): Promise<ReadonlyMap<string, string>> {
  return await lookUp(names, LOGIN, parseUids, options);
}

function parseUids(passwd: string): Map<string, string> {
  const names = [...parseLoginNames(passwd)];
  return new Map(names.map(([uid, name]) => [name.toLowerCase(), uid]));
}

async function lookUp(
  keys: readonly string[],
  valid: RegExp,
  parse: (passwd: string) => Map<string, string>,
  options: AccountOptions,
): Promise<ReadonlyMap<string, string>> {
  const known = parse(readOrEmpty(options.passwd ?? '/etc/passwd'));
  const getent = options.getent ?? ['getent', 'passwd'];
  const missing = keys.filter((key) => valid.test(key) && !known.has(key));
  if (getent.length === 0) return known;
  for (const key of missing.slice(0, GETENT_LIMIT)) {
    const result = await runCommand([...getent, key], { timeout: GETENT_TIMEOUT });
    const found = parse(result.stdout).get(key);
    if (found !== undefined) known.set(key, found);
    if (result.timedOut || result.failure !== undefined) break; // the next one would fail as well
  }
  return known;
}

function readOrEmpty(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
