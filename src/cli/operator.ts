/** Who typed a command, for the list of what was done. */
import { readFileSync } from 'node:fs';
import { dropUndefined } from '../base/defined.ts';
import { findLogins } from '../enforce/accounts.ts';
import type { Block, Key } from '../model/block.ts';
import { formatWord } from '../model/identity.ts';
import type { Store } from '../store/store.ts';
import type { Io } from './io.ts';

/** Of a process that nobody's login has started: a service, cron. */
const NOBODY = '4294967295';
const LOGIN = /^[\w.-]{1,64}$/;

/**
 * The login name with which that person came in: what sudo says, or else what the kernel keeps since the login
 * (proc(5), loginuid), whoever the process is now. Undefined for a service, or who asked for the command.
 */
export async function findOperator({ operator }: Io): Promise<string | undefined> {
  if (operator !== undefined) return operator;
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
  readonly key: Key;
  /** default: the newest of that identity, which may have ended */
  readonly block?: Block;
  /** default true */
  readonly done?: boolean;
}

/** Call it in the transaction that does it. */
export function noteAction(store: Store, { time, who, what, key, block, done = true }: Deed): void {
  if (who === undefined) return;
  const id = (block ?? store.blocks.findOver(key as Block['key'])[0])?.id;
  store.actions.add(dropUndefined({ time, who, what, about: formatWord(key), block: id, done }));
}
