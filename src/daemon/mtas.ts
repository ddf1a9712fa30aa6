/** What the daemon needs of each mail server. A new one needs an entry in src/interpret/ and src/setup/mtas.ts, too. */
import { ACTION_TEXTS, type Config } from '../config/load.ts';
import { buildEximTargets } from '../enforce/exim.ts';
import { buildPostfixTargets } from '../enforce/postfix.ts';
import { buildEximQueue } from '../enforce/queue/exim.ts';
import { buildPostfixQueue } from '../enforce/queue/postfix.ts';
import type { MailQueue } from '../enforce/queue/queue.ts';
import type { BlockTarget } from '../enforce/target.ts';
import type { Mta } from '../model/event.ts';
import type { PolicyActions } from '../policy/blocklist.ts';

interface DaemonMta {
  /** the places where blocks take effect */
  targets(config: Config): BlockTarget[];
  /** the queue, to list, hold, release and delete mail */
  queue(config: Config): MailQueue;
  /** the files that every local account has to read when it submits mail */
  filesForAll(config: Config): string[];
  /** the policy service's answer for each kind of block: the same as that of its target */
  policyActions(config: Config): PolicyActions;
}

export const DAEMON_MTAS: Readonly<Record<Mta, DaemonMta>> = {
  postfix: {
    targets: ({ targets }) => buildPostfixTargets(targets.postfix),
    queue: ({ commands }) => buildPostfixQueue(commands),
    filesForAll: ({ targets: { postfix } }) =>
      postfix.uid === undefined ? [] : [postfix.uid.file],
    policyActions({ targets }) {
      const kinds = (['user', 'client', 'sender'] as const).flatMap((kind) => {
        const map = targets.postfix[kind];
        return map === undefined ? [] : [[kind, `${map.action} ${map.text}`.trim()]];
      });
      return Object.fromEntries(kinds);
    },
  },
  exim: {
    targets: ({ targets }) => buildEximTargets(targets.exim),
    queue: ({ commands }) => buildEximQueue(commands.exim),
    filesForAll: () => [],
    policyActions() {
      // What a hold means is decided in Exim's own ACL.
      const action = `HOLD ${ACTION_TEXTS.HOLD}`;
      return { user: action, client: action, sender: action };
    },
  },
};
