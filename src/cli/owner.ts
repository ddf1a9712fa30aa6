/**
 * The database is opened as the account that owns its folder, never as root when that is somebody else: what lies in
 * that folder is the owner's to choose, and a file that root makes there would lock the service out.
 */
import { statSync } from 'node:fs';
import { dirname } from 'node:path';
import { runCommand } from '../base/commands.ts';
import { EXIT, PosternError } from '../base/errors.ts';
import { type Config, loadConfig } from '../config/load.ts';

interface Account {
  readonly uid: number;
  readonly gid: number;
}

/** Whom root has to become before it opens this database; undefined when it need not, or is not root. */
export function databaseOwner(database: string): Account | undefined {
  if (process.geteuid?.() !== 0) return undefined;
  const folder = statSync(dirname(database), { throwIfNoEntry: false });
  return folder === undefined || folder.uid === 0 ? undefined : folder;
}

/** Makes this process the owner of the configured database, for good. */
export function becomeDatabaseOwner(configFile: string | undefined): void {
  const owner = databaseOwner(loadConfig(configFile).database);
  if (owner === undefined) return;
  // Groups that systemd gave (SupplementaryGroups=) stay, root's own does not.
  process.setgroups?.((process.getgroups?.() ?? []).filter((group) => group !== 0));
  process.setgid?.(owner.gid);
  process.setuid?.(owner.uid);
}

/**
 * Queue IDs of an identity's mail, asked of `postern queue` as `owner`. Throws a PosternError (exit status 1) with
 * what that command said.
 */
export async function queueIdsAs(
  owner: Account,
  config: Config,
  identity: string,
): Promise<string[]> {
  const program = [process.execPath, ...process.execArgv, process.argv[1] ?? ''];
  const argv = [...program, 'queue', '--format', 'json', '--config', config.file, '--', identity];
  const { status, stdout, stderr } = await runCommand(argv, { timeout: 60_000, account: owner });
  const ids = status === 0 ? parseQueueIds(stdout) : undefined;
  if (ids !== undefined) return ids;
  // It has put its name before its words, as this command will.
  const said = stderr.trim().replace(/^postern: /, '') || 'postern queue gave no answer';
  throw new PosternError('queue', said, { exitStatus: EXIT.failed });
}

/** The MTA's grammar for queue IDs is checked before a command gets to see them (src/enforce/queue.ts). */
function parseQueueIds(json: string): string[] | undefined {
  try {
    const { queueIds } = JSON.parse(json) as { queueIds?: unknown };
    if (!Array.isArray(queueIds)) return undefined;
    return queueIds.filter((id) => typeof id === 'string');
  } catch {
    return undefined;
  }
}
