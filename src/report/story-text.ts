/** The story of a block as lines that people read, and what they can do next. */
import { quoteForShell } from '../base/escape.ts';
import { counted } from '../base/text.ts';
import { formatDuration } from '../base/time.ts';
import type { Key, Verdict } from '../model/block.ts';
import { formatIdentity } from '../model/identity.ts';
import type { Style } from '../model/style.ts';
import type { StoredBlock } from '../store/stored-block.ts';
import type { Rise } from './against-limit.ts';
import type { Chart } from './chart.ts';
import { nameRefuser } from './reputation.ts';
import type { MailBefore, Story } from './story.ts';

/** One line for each step. */
export function listTimeline({ timeline }: Pick<Story, 'timeline'>, style: Style): string[] {
  return timeline.map(({ time, what }) => `${style.minute(time)}  ${what}`);
}

/** How the count rose to the limit. */
export function buildRiseChart(rise: Rise, { rule, period }: Verdict, style: Style): Chart {
  const { since, step, values, limit } = rise;
  const ends = values.map((_, at) => style.minute(since + (at + 1) * step));
  const isLong = period > 24 * 60 * 60 * 1000;
  return {
    name: 'rise',
    title: `Counted by ${rule} in ${formatDuration(period)}`,
    series: [{ name: 'counted', values }],
    labels: ends.map((text) => (isLong ? text.slice(5, 16) : text.slice(11, 16))),
    ...(limit === undefined ? {} : { limit: { value: limit, name: `limit ${limit}` } }),
  };
}

/** What had gone out, and to whom. */
export function listBefore(before: MailBefore, style: Style): string[] {
  const { since, messages, delivered, deferred, refused, providers } = before;
  if (messages + delivered + refused + deferred === 0)
    return [`No mail since ${style.minute(since)}.`];
  const list = providers
    .filter((one) => one.delivered > 0)
    .map((one) => `${nameRefuser(one.provider)} ${one.delivered}`);
  return [
    `Since ${style.minute(since)}: ${counted(messages, 'message')}; recipients: ${delivered} accepted elsewhere, ${refused} refused, ${deferred} deferred.`,
    ...(list.length === 0 ? [] : [`Accepted by ${list.join(', ')}.`]),
  ];
}

/** A command, and what it is for. */
export interface NextStep {
  readonly command?: string;
  readonly why: string;
}

const CURES: Readonly<Record<string, string>> = {
  user: 'Have the password changed and the devices looked at before the block ends.',
  client: 'Find the machine behind the address, and what sends from it.',
  uid: 'Find the program of this account that sends, such as a form of a web site.',
};

/** What to do, in order. */
export function listNextSteps(
  key: Key,
  block: StoredBlock | undefined,
  { waiting }: Pick<Story, 'waiting'>,
): NextStep[] {
  const id = quoteForShell(formatIdentity(key));
  const isSubmitter = CURES[key.type] !== undefined;
  const isRunning = block !== undefined && block.released === undefined;
  const queue: NextStep[] = isSubmitter
    ? [{ command: `postern queue ${id}`, why: describeWaiting(waiting, isRunning) }]
    : [];
  if (!isSubmitter && key.type !== 'sender') return [];
  if (!isRunning)
    return [...queue, { command: `postern block ${id}`, why: 'To block it by hand:' }];
  const blocked = quoteForShell(formatIdentity(block.key));
  return [
    ...(isSubmitter ? [{ why: CURES[key.type] as string }] : []),
    ...queue,
    {
      command: `postern unblock ${blocked}`,
      why: 'To end the block, when it is cured or was wrong:',
    },
  ];
}

function describeWaiting(waiting: number, isRunning: boolean): string {
  if (waiting === 0) return 'Its mail in the queue (none, as far as the log says):';
  const what = `Its mail in the queue (${counted(waiting, 'message')} by the log)`;
  return isRunning
    ? `${what}; --delete, or --release if it is real:`
    : `${what}; --release sends it:`;
}

/** As lines: the reason, and below it the command. */
export function formatNextSteps(steps: readonly NextStep[]): string[] {
  return steps.flatMap(({ command, why }) =>
    command === undefined ? [why] : [why, `    ${command}`],
  );
}
