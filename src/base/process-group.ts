/** Ends a program together with the children that it waits for. */
import { spawn } from 'node:child_process';
import type { Account } from './account.ts';
import { getErrno } from './errors.ts';

/**
 * Kills the process group `pid`, because a script that hangs often waits for a child. A group of another account is
 * killed as that account, because root may lack the capability.
 */
export function killGroup(pid: number, account: Account | undefined): void {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch (error) {
    if (getErrno(error) !== 'EPERM' || account === undefined) return; // it has ended
    const { uid, gid } = account;
    const argv = ['-c', 'kill -s KILL -- "-$0"', String(pid)];
    const killer = spawn('/bin/sh', argv, { uid, gid, cwd: '/', stdio: 'ignore', detached: true });
    killer.on('error', () => {}); // there is nothing else to try
  }
}
