/** How `postern queue` prints messages and what was done with them. */
import { escapeControls } from '../base/escape.ts';
import { counted } from '../base/text.ts';
import {
  DAY,
  formatDuration,
  formatTime,
  formatTimes,
  HOUR,
  MINUTE,
  SECOND,
  systemClock,
} from '../base/time.ts';
import type { QueuedMessage, QueuedRecipient } from '../enforce/queue/message.ts';
import type { ActionOutcome, QueueAction } from '../enforce/queue/queue.ts';
import { csvRow } from './csv.ts';

/** Recipients that are printed of one message; `--format json` has all. */
const MOST_RECIPIENTS = 5;

/** The messages with their recipients, and a sum. */
export function listingText(messages: readonly QueuedMessage[]): string {
  const held = messages.filter((message) => message.held).length;
  const sum = `${counted(messages.length, 'message')} in the queue, ${held} held.\n`;
  return messages.map(messageText).join('') + sum;
}

function messageText(message: QueuedMessage): string {
  const { queueId, state, time, size, sender, recipients, reason } = message;
  const age = formatAge(systemClock.now() - time);
  const first = `${queueId}  ${state}  ${age}  ${size} bytes  from <${escapeControls(sender)}>\n`;
  const shown = recipients.slice(0, MOST_RECIPIENTS).map(recipientText);
  const more = recipients.length - shown.length;
  return [
    first,
    ...(reason === undefined ? [] : [`    ${escapeControls(reason)}\n`]),
    ...shown,
    ...(more > 0 ? [`    and ${counted(more, 'more recipient')}\n`] : []),
  ].join('');
}

function recipientText({ address, reason }: QueuedRecipient): string {
  const why = reason === undefined ? '' : `: ${escapeControls(reason)}`;
  return `    to <${escapeControls(address)}>${why}\n`;
}

/** In whole seconds, minutes or hours, whichever fits: `3d4h`. */
function formatAge(age: number): string {
  const unit = age >= DAY ? HOUR : age >= HOUR ? MINUTE : SECOND;
  return formatDuration(Math.floor(Math.max(0, age) / unit) * unit);
}

/** The messages as CSV, one row a recipient; its own reason, or that of the message. */
export function listingCsv(messages: readonly QueuedMessage[]): string {
  const rows = messages.flatMap((message) => {
    const { queueId, state, held, time, size, sender, submitter } = message;
    const start = [queueId, state, held, formatTime(time), size];
    const who = [submitter?.type, submitter?.id, sender];
    const recipients: readonly Partial<QueuedRecipient>[] =
      message.recipients.length === 0 ? [{}] : message.recipients;
    return recipients.map(({ address, reason }) =>
      csvRow([...start, ...who, address, reason ?? message.reason]),
    );
  });
  return csvRow(QUEUE_COLUMNS) + rows.join('');
}

const QUEUE_COLUMNS = [
  ...['queue_id', 'state', 'held', 'time', 'size', 'submitter_type', 'submitter'],
  ...['sender', 'recipient', 'reason'],
];

/** What was done with each message as CSV. */
export function outcomesCsv(outcomes: readonly ActionOutcome[]): string {
  const rows = outcomes.map(({ queueId, outcome, text }) => csvRow([queueId, outcome, text]));
  return csvRow(['queue_id', 'outcome', 'text']) + rows.join('');
}

/** A message as JSON. */
export function messageJson(message: QueuedMessage): Record<string, unknown> {
  return formatTimes(message, 'time');
}

const DONE: Readonly<Record<QueueAction, string>> = {
  hold: 'held',
  release: 'released',
  remove: 'deleted',
};
const ALREADY: Readonly<Record<QueueAction, string>> = {
  hold: 'held before',
  release: 'not held',
  remove: 'deleted before',
};

/** What was done with each message, and in sum. */
export function outcomesText(action: QueueAction, outcomes: readonly ActionOutcome[]): string {
  const count = (outcome: ActionOutcome['outcome']) =>
    outcomes.filter((each) => each.outcome === outcome).length;
  const parts: readonly (readonly [number, string])[] = [
    [count('already'), ALREADY[action]],
    [count('gone'), 'no longer in the queue'],
    [count('busy'), 'being delivered just now, try again'],
    [count('failed'), 'failed'],
  ];
  const others = parts
    .filter(([number]) => number > 0)
    .map(([number, words]) => `${number} ${words}`);
  const lines = outcomes.map((outcome) => outcomeLine(action, outcome));
  const sum = [`${counted(count('done'), 'message')} ${DONE[action]}`, ...others].join(', ');
  return `${lines.join('')}${sum}.\n`;
}

function outcomeLine(action: QueueAction, { queueId, outcome, text }: ActionOutcome): string {
  const words: Readonly<Record<ActionOutcome['outcome'], string>> = {
    done: DONE[action],
    already: ALREADY[action],
    gone: 'no longer in the queue',
    busy: 'being delivered just now, try again',
    failed: `failed: ${escapeControls(text ?? 'no reason given')}`,
  };
  return `${queueId}  ${words[outcome]}\n`;
}
