/** Lines by which the syslog daemon itself says that it dropped others, and Exim that it cut one of its own. */
import { decodeText, type LoggedLine } from '../model/line.ts';
import type { LossRecord } from '../model/record.ts';

/** rsyslogd's rate limits, and journald's for the units of mail servers. Undefined for every other line. */
export function parseLoss(line: LoggedLine): LossRecord | undefined {
  const { program, text } = line;
  if (program === 'rsyslogd') {
    if (!text.includes('rate-limiting')) return undefined;
    if (!text.includes('begin to drop messages') && !text.includes('messages lost'))
      return undefined;
  } else if (program === 'systemd-journald' || program === 'systemd-journal') {
    if (!text.startsWith('Suppressed ')) return undefined;
    if (!text.includes('postfix') && !text.includes('exim')) return undefined;
  } else {
    return undefined;
  }
  return { kind: 'loss', reply: decodeText(text) };
}

const OVERFLOW = '**** log string overflowed log buff';
/** The marker, and what may stand behind it. */
const TAIL = 64;

/**
 * A line of Exim that got too long, 8 KiB, and lost its end (before 4.98 all of it, log.c). Any client brings that
 * about with a HELO name of that length, and who sent the message is then told nowhere.
 */
export function parseOverflow({ text }: LoggedLine): LossRecord | undefined {
  if (text.indexOf(OVERFLOW, Math.max(0, text.length - TAIL)) < 0) return undefined;
  return { kind: 'loss', reply: 'log string overflowed log buffer' };
}
