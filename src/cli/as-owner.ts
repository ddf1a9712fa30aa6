/** Root opens no database that belongs to another account: it starts this program once more as that account. */
import type { Account } from '../base/account.ts';
import { runCommand } from '../base/commands.ts';
import { PosternError } from '../base/errors.ts';
import { assertPackageReadable } from '../base/package-access.ts';
import { MINUTE } from '../base/time.ts';
import type { Config } from '../config/load.ts';

/**
 * Runs a command of `postern` with this configuration as `account`; `words`: its name and options; `texts`: its
 * arguments. `onLine` gets what it prints. Throws a PosternError (exit status 1) when it fails.
 */
export async function runAsOwner(
  account: Account,
  { file, instance }: Config,
  [command = '', ...words]: readonly string[],
  texts: readonly string[],
  onLine: (line: string) => void = () => {},
): Promise<void> {
  assertPackageReadable(account);
  const program = [process.execPath, ...process.execArgv, process.argv[1] ?? ''];
  const chosen = ['--config', file, ...(instance === undefined ? [] : ['--instance', instance])];
  const argv = [...program, command, ...words, ...chosen, '--', ...texts];
  const { status, stderr } = await runCommand(argv, { timeout: MINUTE, account, onLine });
  if (status === 0) return;
  // It has put its name in front of its message, as this command will.
  const message = stderr.trim().replace(/^postern: /, '') || `postern ${command} gave no answer`;
  throw new PosternError('environment', message, { code: command });
}
