/**
 * The parser for logs of Postfix 2.9 and later. The daemon that wrote a line decides which grammar reads it, from the
 * left. Notes, attempts and unknown lines are undefined; of a line that was cut, what is certain is kept.
 */
import type { LoggedLine } from '../../model/line.ts';
import type { LogRecord } from '../../model/record.ts';
import { type LogParser, parseLoss } from '../parser.ts';
import { parseAmavis, parseMailScanner } from './content-filter.ts';
import { CutLimits } from './cut.ts';
import { parseBounce, parseDelivery } from './delivery.ts';
import { endOfQueueId } from './primitives.ts';
import {
  parseCleanup,
  parseCleanupWarning,
  parsePickup,
  parsePostsuper,
  parseQmgr,
} from './queue.ts';
import { parsePostscreen } from './rejection.ts';
import { parseQueued, parseSmtpd } from './smtpd.ts';

/** Reads each line by itself. */
export const postfixParser: LogParser = { mta: 'postfix', parse };

/** For the lines of a log, in their order: of one that may have been cut, the user is not believed. */
export function createPostfixParser(): LogParser {
  const limits = new CutLimits();
  const checkUser = (line: LoggedLine, record: LogRecord) => {
    if (!('user' in record) || record.kind === 'auth-failed') return record;
    return record.user !== undefined && limits.isReached(line)
      ? { ...record, user: undefined }
      : record;
  };
  return {
    mta: 'postfix',
    parse(line: LoggedLine) {
      if (hasLostEnd(line)) limits.learn(line);
      const record = parse(line);
      return record === undefined ? undefined : checkUser(line, record);
    },
    get hasSeenCuts() {
      return !limits.isEmpty;
    },
    checkUser,
  };
}

/** Whether a delivery line does not end with the bracket with which each of them ends (log_adhoc.c). */
function hasLostEnd({ program, text }: LoggedLine): boolean {
  if (text.endsWith(')') || !QUEUE_PARSERS.has(program)) return false;
  const end = endOfQueueId(text, 0);
  return end > 0 && text.startsWith(': to=<', end);
}

/** The programs of `parse` whose lines do not begin with a queue ID. */
const OTHER_PROGRAMS: ReadonlySet<string> = new Set([
  'smtpd',
  'postscreen',
  'amavis',
  'amavisd',
  'MailScanner',
  'rsyslogd',
  'systemd-journald',
  'systemd-journal',
]);

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
      return parseByQueueId(program, text);
  }
}

/** Whether any line of this program is read. */
export function readsProgram(program: string): boolean {
  return QUEUE_PARSERS.has(program) || OTHER_PROGRAMS.has(program);
}

type QueueParser = (text: string, from: number, queueId: string) => LogRecord | undefined;

/**
 * The programs whose lines begin with a queue ID, and the functions that read them. All of these programs may write
 * delivery lines; delivery agents write no other lines that are read.
 */
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
  ['qmqpd', parseQueued],
  ['smtp', undefined],
  ['lmtp', undefined],
  ['local', undefined],
  ['virtual', undefined],
  ['pipe', undefined],
  ['error', undefined],
  ['retry', undefined],
  ['discard', undefined],
]);

function parseByQueueId(program: string, text: string): LogRecord | undefined {
  if (!QUEUE_PARSERS.has(program)) return undefined;
  const end = endOfQueueId(text, 0);
  if (end < 0 || !text.startsWith(': ', end)) {
    return program === 'cleanup' ? parseCleanupWarning(text) : undefined;
  }
  const queueId = text.slice(0, end);
  if (text.startsWith('to=<', end + 2)) return parseDelivery(text, end + 2, queueId);
  return QUEUE_PARSERS.get(program)?.(text, end + 2, queueId);
}
