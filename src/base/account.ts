/**
 * Accounts that root becomes. What is in a folder is chosen by the folder's owner, so root opens nothing there: a
 * link would lead it elsewhere, and a file that it makes would lock the owner out.
 */
import { statSync } from 'node:fs';

export interface Account {
  readonly uid: number;
  readonly gid: number;
}

/**
 * The account to become before anything in `folder` is opened: its owner. Undefined when this process is not root, or
 * root is the owner. Throws an error when there is no such folder.
 */
export function ownerToBecome(folder: string): Account | undefined {
  if (process.geteuid?.() !== 0) return undefined;
  const owner = statSync(folder, { throwIfNoEntry: false });
  if (owner === undefined) throw new Error(`${folder}: there is no such folder`);
  const { uid, gid } = owner;
  return uid === 0 ? undefined : { uid, gid };
}

/** Makes this process that account, for good. Keeps the groups that systemd gave (SupplementaryGroups=), not root's. */
export function becomeAccount({ uid, gid }: Account): void {
  process.setgroups?.((process.getgroups?.() ?? []).filter((group) => group !== 0));
  process.setgid?.(gid);
  process.setuid?.(uid);
}

/**
 * Runs `work`, which must not wait for anything, as that account, and is root again. No file may be opened by another
 * part of this process meanwhile: the account is that of the whole process.
 */
export function runAs<T>({ uid, gid }: Account, work: () => T): T {
  const groups = process.getgroups?.() ?? [];
  process.setgroups?.([]);
  process.setegid?.(gid);
  process.seteuid?.(uid);
  try {
    return work();
  } finally {
    process.seteuid?.(0);
    process.setegid?.(0);
    process.setgroups?.(groups);
  }
}
