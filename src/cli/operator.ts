/** Who typed a command, for the list of what was done. */
import { readFileSync } from 'node:fs';
import { findLogins } from '../enforce/accounts.ts';
import type { Block } from '../model/block.ts';
import { formatIdentity } from '../model/identity.ts';
import type { Store } from '../store/store.ts';

/** Of a process that nobody's login has started: a service, cron. */
const NOBODY = '4294967295';
const LOGIN = /^[\w.-]{1,64}$/;

/**
 * The login name with which that person came in: what sudo says, or else what the kernel keeps since the login
 * (proc(5), loginuid), whoever the process is now. Undefined for a service: the page for operators names its visitor itself.
 */
export async function findOperator(): Promise<string | undefined> {
  const { SUDO_USER: sudo = '' } = process.env;
  if (LOGIN.test(sudo)) return sudo;
  const uid = readLoginUid();
  return uid === undefined ? undefined : (await findLogins([uid])).get(uid);
}

function readLoginUid(): string | undefined {
  try {
    const uid = readFileSync('/proc/self/loginuid', 'latin1').trim();
    return /^\d+$/.test(uid) && uid !== NOBODY ? uid : undefined;
  } catch {
    return undefined; // a kernel without audit
  }
}

interface Deed {
  /** ms */
  readonly time: number;
  /** nothing is noted of nobody */
  readonly who: string | undefined;
  readonly what: string;
  readonly block: Block;
}

/** Call it in the transaction that does it. */
export function noteAction(store: Store, { time, who, what, block }: Deed): void {
  if (who === undefined) return;
  const about = formatIdentity(block.key);
  store.actions.add({ time, who, what, about, block: block.id, done: true });
}
