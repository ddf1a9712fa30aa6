/**
 * The parser for Exim's main and reject log, 4.80 to 4.100: one entry `[MSGID ]REST` to one record.
 *
 * The message ID is taken first, then the flag or keyword, then addresses by their grammar, then Exim's fields in their
 * order, then free text. What cannot be told from forged text is undefined, and so is every line that says nothing
 * about mail of ours: sessions, TLS, attempts at single hosts, header lines of the reject log, cPanel's notes.
 */
import type { LoggedLine } from '../../model/line.ts';
import type { LogRecord, LossRecord } from '../../model/record.ts';
import type { LogParser } from '../parser.ts';
import { isAlphanumeric } from '../reader.ts';
import { parseAclRejection, parseNonSmtpRejection } from './acl-rejection.ts';
import { parseArrival } from './arrival.ts';
import { parseAuthFailure, settleLogin } from './auth.ts';
import { parseBuiltinRejection } from './builtin-rejection.ts';
import {
  parseBounced,
  parseDeferred,
  parseDelivered,
  parseDiscarded,
  parseQueueState,
} from './delivery.ts';

const SPACE = 0x20;
const HYPHEN = 0x2d;

/** No line up to this length has filled the log buffer of 8 KiB, bytes. */
const LONGEST_WHOLE = 7000;

/** What the configuration of an Exim says about its log. */
export interface EximLogSettings {
  /** `log_selector` has `smtp_mailauth`; undefined: not known */
  readonly logsMailAuth?: boolean | undefined;
}

export function createEximParser({ logsMailAuth }: EximLogSettings = {}): LogParser {
  return {
    mta: 'exim',
    parse({ text }: LoggedLine) {
      const record = parseEntry(text);
      if (record?.kind !== 'arrival' || record.ambiguousLogin === undefined) return record;
      return settleLogin(record, logsMailAuth);
    },
  };
}

function parseEntry(text: string): LogRecord | undefined {
  // What is left of a line that lost its end may read like a whole one.
  const overflow = text.length > LONGEST_WHOLE ? parseOverflow(text) : undefined;
  if (overflow !== undefined) return overflow;
  const length = messageIdLength(text);
  const record =
    length === 0
      ? parseWithoutMessage(text)
      : parseOfMessage(text.slice(0, length), text.slice(length + 1));
  return record ?? parseOverflow(text);
}

/** Lengths of a message ID: `1xUirY-00014N-13` up to Exim 4.96, `1xUirY-00000001a2B-3c4D` since. */
const OLD_LENGTH = 16;
const NEW_LENGTH = 23;

/** Length of the message ID that a text begins with, 0 when there is none. */
function messageIdLength(text: string): number {
  if (text.charCodeAt(6) !== HYPHEN) return 0;
  if (text.charCodeAt(13) === HYPHEN && text.charCodeAt(OLD_LENGTH) === SPACE) {
    return isBase62(text, 0, 6) && isBase62(text, 7, 13) && isBase62(text, 14, 16) ? OLD_LENGTH : 0;
  }
  if (text.charCodeAt(18) !== HYPHEN || text.charCodeAt(NEW_LENGTH) !== SPACE) return 0;
  return isBase62(text, 0, 6) && isBase62(text, 7, 18) && isBase62(text, 19, 23) ? NEW_LENGTH : 0;
}

function isBase62(text: string, start: number, end: number): boolean {
  for (let index = start; index < end; index++) {
    if (!isAlphanumeric(text.charCodeAt(index))) return false;
  }
  return true;
}

function parseOfMessage(queueId: string, rest: string): LogRecord | undefined {
  if (rest.charCodeAt(2) !== SPACE) return parseWithoutFlag(queueId, rest);
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
      return parseWithoutFlag(queueId, rest);
  }
}

function parseWithoutFlag(queueId: string, rest: string): LogRecord | undefined {
  return parseQueueState(queueId, rest) ?? parseRejection(queueId, rest);
}

function parseWithoutMessage(text: string): LogRecord | undefined {
  return parseRejection(undefined, text) ?? parseAuthFailure(text);
}

function parseRejection(queueId: string | undefined, text: string): LogRecord | undefined {
  const rest = removeSecured(text);
  if (rest.startsWith('H=') || rest.startsWith('U=')) return parseAclRejection(queueId, rest);
  if (rest.startsWith('F=')) return parseNonSmtpRejection(queueId, rest);
  return parseBuiltinRejection(queueId, rest);
}

/** Removes the `DS` in front of a client whose reverse name was secured by DNSSEC. */
function removeSecured(text: string): string {
  if (text.startsWith(' DS ')) return text.slice(4);
  return text.startsWith('DS ') ? text.slice(3) : text;
}

const OVERFLOW = '**** log string overflowed log buff';
/** Bytes from the beginning of the marker to the end of the line, at most. */
const LONGEST_END = 64;

/**
 * Reads a line that got longer than the log buffer, 8 KiB, and lost its end, before 4.98 all of it (log.c). Any client
 * can cause that by a long HELO name; the submitter of that message is then named nowhere.
 */
function parseOverflow(text: string): LossRecord | undefined {
  if (text.indexOf(OVERFLOW, Math.max(0, text.length - LONGEST_END)) < 0) return undefined;
  return { kind: 'loss', reply: 'log string overflowed log buffer' };
}
