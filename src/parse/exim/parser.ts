/**
 * Exim's main and reject log, 4.80 to 4.100: one entry `[MSGID ]REST` to one record.
 *
 * The message ID is taken first, then the flag or keyword, then addresses by their grammar, then Exim's tags in
 * their order, then free text. What cannot be told apart from forged text is undefined, as is every line that
 * says nothing about mail of ours (sessions, TLS, delivery attempts to single hosts, header lines of the reject
 * log, cPanel's notes). Never throws.
 */
import type { LoggedLine } from '../../model/line.ts';
import type { LogRecord } from '../../model/record.ts';
import { parseOverflow } from '../loss.ts';
import type { LogParser } from '../parser.ts';
import { parseArrival } from './arrival.ts';
import { parseAuthFailure } from './auth.ts';
import { parseBounced, parseDeferred, parseDelivered, parseDiscarded } from './delivery.ts';
import { parseQueueState } from './queue.ts';
import { parseRefusal } from './refusal.ts';
import { parseRejection } from './rejection.ts';

export const eximParser: LogParser = {
  mta: 'exim',
  parse(line) {
    const length = messageIdLength(line.text);
    const record =
      length === 0
        ? parseWithoutMessage(line)
        : parseOfMessage(line.text.slice(0, length), line.text.slice(length + 1));
    return record ?? parseOverflow(line);
  },
};

const SPACE = 0x20;
const DASH = 0x2d;

/** Length of the message ID at the start of a text, 0 when there is none: 16 up to Exim 4.96, 23 since. */
function messageIdLength(text: string): number {
  if (text.charCodeAt(6) !== DASH) return 0;
  if (text.charCodeAt(13) === DASH && text.charCodeAt(16) === SPACE) {
    return isBase62(text, 0, 6) && isBase62(text, 7, 13) && isBase62(text, 14, 16) ? 16 : 0;
  }
  if (text.charCodeAt(18) !== DASH || text.charCodeAt(23) !== SPACE) return 0;
  return isBase62(text, 0, 6) && isBase62(text, 7, 18) && isBase62(text, 19, 23) ? 23 : 0;
}

function isBase62(text: string, start: number, end: number): boolean {
  for (let index = start; index < end; index++) {
    const code = text.charCodeAt(index);
    const letter = code | 0x20;
    if (!(code >= 0x30 && code <= 0x39) && !(letter >= 0x61 && letter <= 0x7a)) return false;
  }
  return true;
}

function parseOfMessage(queueId: string, rest: string): LogRecord | undefined {
  if (rest.charCodeAt(2) !== SPACE) return parseState(queueId, rest);
  switch (rest.slice(0, 2)) {
    case '<=':
    case '(=':
      return parseArrival(queueId, rest.slice(3));
    case '=>':
    case '->':
    case '>>':
      return parseDelivered(queueId, rest.slice(3));
    case '==':
      return parseDeferred(queueId, rest.slice(3));
    case '**':
      return parseBounced(queueId, rest.slice(3));
    case '*>':
      return parseDiscarded(queueId, rest.slice(3));
    default:
      return parseState(queueId, rest);
  }
}

function parseState(queueId: string, rest: string): LogRecord | undefined {
  return parseQueueState(queueId, rest) ?? parseRefused(queueId, rest);
}

function parseWithoutMessage(line: LoggedLine): LogRecord | undefined {
  return parseRefused(undefined, line.text) ?? parseAuthFailure(line.text);
}

/** `DS` stands before the client whose reverse name was secured by DNSSEC. */
function parseRefused(queueId: string | undefined, text: string): LogRecord | undefined {
  const rest = text.startsWith(' DS ')
    ? text.slice(4)
    : text.startsWith('DS ')
      ? text.slice(3)
      : text;
  if (rest.startsWith('H=') || rest.startsWith('U=')) return parseRejection(queueId, rest);
  return parseRefusal(queueId, rest);
}
