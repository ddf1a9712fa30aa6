/** A hook that is a command: it gets the event on standard input, and its exit status 0 says that it has taken it. */
import { runCommand } from '../base/commands.ts';
import { dropUndefined } from '../base/defined.ts';
import { formatDuration } from '../base/time.ts';
import { HookFailure } from './failure.ts';
import type { Notifier } from './mail.ts';

/** Characters of what the command says about its failure. */
const LONGEST_MESSAGE = 300;

/** Nothing of our own environment: it is nobody's business, and may hold secrets. */
const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/**
 * Runs `argv`, kills it after `timeout` ms. One that cannot be started or hangs is left alone for a while; one that ends
 * with another status than 0 may only dislike this event, and the next one is tried.
 */
export function commandHook(argv: readonly string[], timeout: number): Notifier {
  return {
    async send({ text, messageId }, signal) {
      const env = { PATH, LANG: 'C.UTF-8', POSTERN_EVENT_ID: messageId };
      const input = `${text}\n`;
      const result = await runCommand(argv, dropUndefined({ timeout, input, env, signal }));
      const { status, timedOut, failure, stderr } = result;
      if (status === 0) return;
      if (failure !== undefined)
        throw new HookFailure(`${argv[0]}: cannot be started: ${failure}`, 'hop');
      if (timedOut)
        throw new HookFailure(`${argv[0]}: took longer than ${formatDuration(timeout)}`, 'hop');
      const said = stderr
        .trim()
        .replaceAll(/\s*\n\s*/g, '; ')
        .slice(0, LONGEST_MESSAGE);
      const end = status === null ? 'was killed' : `exit status ${status}`;
      throw new HookFailure([`${argv[0]}: ${end}`, said].filter(Boolean).join(': '), 'mail');
    },
  };
}
