/**
 * The parser for Postfix 2.9 and later: by the daemon that wrote the line, then from the left by its grammar.
 * Lines that are notes, attempts or unknown are undefined; of a cut line what is certain is kept.
 */
import type { LoggedLine } from '../../model/line.ts';
import type { LogRecord } from '../../model/record.ts';
import { parseLoss } from '../loss.ts';
import type { LogParser } from '../parser.ts';
import { parseDelivery } from './delivery.ts';
import { parseAmavis, parseMailScanner } from './filter.ts';
import { endOfQueueId } from './primitives.ts';
import {
  parseBounce,
  parseCleanup,
  parseCleanupWarning,
  parsePickup,
  parsePostsuper,
  parseQmgr,
} from './queue.ts';
import { parsePostscreen, parseRejection } from './rejection.ts';
import { parseSmtpd, parseTransaction } from './smtpd.ts';

export const postfixParser: LogParser = { mta: 'postfix', parse };

function parse(line: LoggedLine): LogRecord | undefined {
  const { program, text } = line;
  switch (program) {
    case 'smtpd':
      return parseSmtpd(text);
    case 'postscreen':
      return parsePostscreen(text);
    case 'amavis':
    case 'amavisd':
      return parseAmavis(text);
    case 'MailScanner':
      return parseMailScanner(text);
    case 'rsyslogd':
    case 'systemd-journald':
    case 'systemd-journal':
      return parseLoss(line);
    default:
      return parseQueued(program, text);
  }
}

type QueueParser = (text: string, from: number, queueId: string) => LogRecord | undefined;

/** Daemons whose lines begin with a queue ID. Delivery lines look the same from all of them, and from agents. */
const QUEUE_PARSERS: ReadonlyMap<string, QueueParser | undefined> = new Map<
  string,
  QueueParser | undefined
>([
  ['cleanup', parseCleanup],
  ['pickup', parsePickup],
  ['qmgr', parseQmgr],
  ['oqmgr', parseQmgr],
  ['nqmgr', parseQmgr],
  ['postsuper', parsePostsuper],
  ['bounce', parseBounce],
  ['qmqpd', parseQmqpd],
  ['smtp', undefined],
  ['lmtp', undefined],
  ['local', undefined],
  ['virtual', undefined],
  ['pipe', undefined],
  ['error', undefined],
  ['retry', undefined],
  ['discard', undefined],
]);

function parseQueued(program: string, text: string): LogRecord | undefined {
  if (!QUEUE_PARSERS.has(program)) return undefined;
  const end = endOfQueueId(text, 0);
  if (end < 0 || !text.startsWith(': ', end)) {
    return program === 'cleanup' ? parseCleanupWarning(text) : undefined;
  }
  const queueId = text.slice(0, end);
  if (text.startsWith('to=<', end + 2)) return parseDelivery(text, end + 2, queueId);
  return QUEUE_PARSERS.get(program)?.(text, end + 2, queueId);
}

function parseQmqpd(text: string, from: number, queueId: string): LogRecord | undefined {
  if (text.startsWith('client=', from)) return parseTransaction(text, from, queueId);
  return parseRejection(text, from, queueId);
}
