/**
 * Login names of local accounts, and back: Postfix logs a number, its `authorized_submit_users` matches names.
 * Asks /etc/passwd, then `getent` for accounts that live elsewhere (LDAP, SSSD). Unknown accounts stay unknown; never throws.
 */
import { readFileSync } from 'node:fs';
import { runCommand } from '../base/commands.ts';

export interface AccountOptions {
  /** default /etc/passwd */
  readonly passwd?: string;
  /** argument vector to which the number is added; [] for none. Default `getent passwd`. */
  readonly getent?: readonly string[];
}

/** What may be asked for as a name: no option, no number. */
const LOGIN = /^(?!\d+$)[a-z0-9_.][^:\s]*$/;
const GETENT_TIMEOUT = 5000;
const GETENT_LIMIT = 100;

/** Login names by number, from the text of passwd(5) lines. */
export function loginNames(passwd: string): Map<string, string> {
  const names = new Map<string, string>();
  for (const line of passwd.split('\n')) {
    const [name, , uid] = line.split(':', 3);
    if (name && uid && /^\d+$/.test(uid) && !names.has(uid)) names.set(uid, name);
  }
  return names;
}

/** The names of those uids that have one. */
export async function findLogins(
  uids: readonly string[],
  options: AccountOptions = {},
): Promise<ReadonlyMap<string, string>> {
  const names = loginNames(readOrEmpty(options.passwd ?? '/etc/passwd'));
  const getent = options.getent ?? ['getent', 'passwd'];
  const missing = uids.filter((uid) => /^\d{1,10}$/.test(uid) && !names.has(uid));
  if (getent.length === 0) return names;
  for (const uid of missing.slice(0, GETENT_LIMIT)) {
    const result = await runCommand([...getent, uid], { timeout: GETENT_TIMEOUT });
    const name = loginNames(result.stdout).get(uid);
    if (name !== undefined) names.set(uid, name);
    if (result.timedOut || result.failure !== undefined) break; // it would not do better with the next one
  }
  return names;
}

/**
 * The uids of those login names that have one, by the name in lower case: so Postfix compares them, and so our lines
 * write them. A number is no name.
 */
export async function findUids(
  names: readonly string[],
  options: AccountOptions = {},
): Promise<ReadonlyMap<string, string>> {
  const uids = uidsByName(readOrEmpty(options.passwd ?? '/etc/passwd'));
  const getent = options.getent ?? ['getent', 'passwd'];
  const missing = names.filter((name) => LOGIN.test(name) && !uids.has(name));
  if (getent.length === 0) return uids;
  for (const name of missing.slice(0, GETENT_LIMIT)) {
    const result = await runCommand([...getent, name], { timeout: GETENT_TIMEOUT });
    const uid = uidsByName(result.stdout).get(name);
    if (uid !== undefined) uids.set(name, uid);
    if (result.timedOut || result.failure !== undefined) break; // as above
  }
  return uids;
}

function uidsByName(passwd: string): Map<string, string> {
  const names = [...loginNames(passwd)];
  return new Map(names.map(([uid, name]) => [name.toLowerCase(), uid]));
}

function readOrEmpty(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
