/** How an event is printed, for people and as JSON. */

import { escapeControls } from '../base/escape.ts';
import { formatTime } from '../base/time.ts';
import type { MailEvent } from '../model/event.ts';
import { formatIdentity } from '../model/identity.ts';
import { eventToJson } from './event-json.ts';
import { type CommonOptions, jsonLine } from './io.ts';

/** One line; nothing that a stranger wrote into the log can control the terminal. */
export function eventText(event: MailEvent, format: CommonOptions['format']): string {
  if (format === 'json') return jsonLine(eventToJson(event));
  const { kind, submitter, client, sender, recipient, reason, reply, cause } = event;
  const who = submitter === undefined ? (client?.address ?? '-') : formatIdentity(submitter);
  // Only the null sender is empty.
  const from = sender === undefined ? '-' : `<${sender}>`;
  const path = `${from}${recipient === undefined ? '' : ` to <${recipient}>`}`;
  const why = [reason ?? cause?.way, reply ?? cause?.reply]
    .filter((part) => part !== undefined)
    .join(': ');
  return `${escapeControls(`${formatTime(event.time)} ${kind} ${who} ${path}${why === '' ? '' : ` ${why}`}`)}\n`;
}
