/** Commands of the mail server: run by argument vector, and why they failed, in one line for people. */
import { type CommandResult, runCommand } from '../base/commands.ts';
import type { Failure } from './target.ts';

const LONGEST_OUTPUT_LINE = 300;

/** Runs a command for `timeout` ms at most; returns why it did not do its work, undefined if it did. Never throws. */
export async function runMtaCommand(
  argv: readonly string[],
  options: { readonly timeout: number; readonly input?: string },
): Promise<Failure | undefined> {
  return findCommandFailure(argv, await runCommand(argv, options), options.timeout);
}

/** Why a command did not do its work, in one line; undefined if it did. `timeout` in ms. */
export function findCommandFailure(
  argv: readonly string[],
  result: CommandResult,
  timeout: number,
): Failure | undefined {
  const command = argv.join(' ');
  if (result.failure !== undefined) {
    return { message: `${command}: cannot be started: ${result.failure}` };
  }
  if (result.timedOut)
    return { message: `${command}: no answer within ${timeout / 1000} s, killed` };
  if (result.status === 0) return undefined;
  const output = `${result.stderr}\n${result.stdout}`.trim().split('\n').at(-1);
  const status = `exit status ${result.status ?? 'unknown (killed)'}`;
  return { message: `${command}: ${output?.slice(0, LONGEST_OUTPUT_LINE) || status}` };
}
