/** Asking what another account may do, as that account: no guess from modes. Only root can. */
import { constants } from 'node:fs';
import { runAtOnce } from '../base/commands.ts';
import { findProgram } from './programs.ts';

/** An account whose rights can be asked for. */
export interface Asker {
  /** for messages: `postern (postern.service)` */
  readonly name: string;
  readonly uid: number;
  /** whether the account may use `path` with that `mode` of access(2) */
  may(path: string, mode: number): boolean;
  /** an argument vector that runs `argv` as the account; undefined if that is this process or cannot be done */
  readonly become?: (argv: readonly string[]) => readonly string[];
}

export interface Account {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  readonly groups: readonly number[];
  /** root without the capability to open every file */
  readonly isBare: boolean;
}

/** Any local account by its name, with its groups; undefined if there is none, or if this process is not root. */
export function askerFor(login: string): Asker | undefined {
  if (process.geteuid?.() !== 0) return undefined;
  const account = lookUp(login, login);
  return account === undefined ? undefined : buildAsker(account);
}

/** An account by its name or number; undefined if there is none. `name`: for messages. */
export function lookUp(user: string, name: string): Account | undefined {
  const [uid, gid, groups] = ['-u', '-g', '-G'].map((option) => id(option, user));
  if (uid?.[0] === undefined || gid?.[0] === undefined) return undefined;
  return { name, uid: uid[0], gid: gid[0], groups: groups ?? [], isBare: false };
}

/** id(1) knows accounts from everywhere (LDAP, SSSD). */
function id(option: string, user: string): number[] {
  const { status, stdout } = runAtOnce(['id', option, '--', user]);
  return status === 0 ? stdout.trim().split(' ').map(Number) : [];
}

/** The number of a group; undefined if there is none. */
export function groupId(name: string | undefined): number | undefined {
  if (name === undefined || name === '') return undefined;
  const { status, stdout } = runAtOnce(['getent', 'group', name]);
  return status === 0 ? Number(stdout.split(':')[2]) : undefined;
}

/** setpriv(1) is in util-linux; without it this process asks for itself. */
export function buildAsker({ name, uid, gid, groups, isBare }: Account): Asker | undefined {
  const setpriv = findProgram('setpriv');
  const test = findProgram('test');
  if (setpriv === undefined || test === undefined) return undefined;
  const become = (argv: readonly string[]) => [
    setpriv,
    `--reuid=${uid}`,
    `--regid=${gid}`,
    groups.length === 0 ? '--clear-groups' : `--groups=${groups.join(',')}`,
    ...(isBare ? ['--inh-caps=-all', '--bounding-set=-all'] : []),
    '--',
    ...argv,
  ];
  const may = (path: string, mode: number) =>
    OPTIONS.every(([bit, option]) => {
      if ((mode & bit) === 0) return true;
      return runAtOnce(become([test, option, path])).status === 0;
    });
  return { name, uid, may, become };
}

const OPTIONS = [
  [constants.R_OK, '-r'],
  [constants.W_OK, '-w'],
  [constants.X_OK, '-x'],
] as const;
