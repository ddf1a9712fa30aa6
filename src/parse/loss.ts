/** Lines by which the syslog daemon itself says that it dropped others; the same for every MTA. */
import { type LoggedLine, textOf } from '../model/line.ts';
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
  return { kind: 'loss', reply: textOf(text) };
}
