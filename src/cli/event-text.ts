/** How an event is printed, for people and as JSON. */

import { escapeControls } from '../base/escape.ts';
import type { MailEvent } from '../model/event.ts';
import { PLAIN_STYLE, type Style } from '../model/style.ts';
import { eventToJson } from './event-json.ts';
import { type CommonOptions, jsonLine } from './io.ts';
import type { Cell } from './screen-table.ts';

/** One line; nothing that a stranger wrote into the log can control the terminal. */
export function eventText(
  event: MailEvent,
  format: CommonOptions['format'],
  style: Style = PLAIN_STYLE,
): string {
  if (format === 'json') return jsonLine(eventToJson(event));
  const { kind, sender, recipient } = event;
  // Only the null sender is empty.
  const from = sender === undefined ? '-' : `<${sender}>`;
  const path = `${from}${recipient === undefined ? '' : ` to <${recipient}>`}`;
  const why = describeWhy(event);
  const who = describeWho(event, style);
  return `${escapeControls(`${style.second(event.time)} ${kind} ${who} ${path}${why === '' ? '' : ` ${why}`}`)}\n`;
}

/** The columns of `eventCells`. */
export const EVENT_HEAD = ['Time', 'Event', 'Who', 'Sender', 'Recipient', 'Why'];

const REFUSED: ReadonlySet<MailEvent['kind']> = new Set([
  'bounced',
  'rejected',
  'expired',
  'auth-failed',
]);

/** The same as cells of a table. */
export function eventCells(event: MailEvent, style: Style): Cell[] {
  const { kind, sender, recipient = '' } = event;
  return [
    style.second(event.time),
    REFUSED.has(kind) ? { text: kind, colour: 'yellow' } : kind,
    describeWho(event, style),
    sender === undefined ? '-' : `<${sender}>`,
    recipient === '' ? '' : `<${recipient}>`,
    describeWhy(event),
  ];
}

function describeWho({ submitter, client }: MailEvent, style: Style): string {
  return submitter === undefined ? client?.address || '-' : style.who(submitter);
}

function describeWhy({ reason, reply, cause }: MailEvent): string {
  return [reason ?? cause?.way, reply ?? cause?.reply]
    .filter((part) => part !== undefined)
    .join(': ');
}
