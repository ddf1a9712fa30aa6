/** The priority of a syslog message, where a prefix tells it: as a number, or as `facility.severity`. */
import { isDigit } from '../reader.ts';

/** Index after `<22>` at `at` (RFC 5424 6.2.1); `at` when there is none. */
export function afterPri(text: string, at: number): number {
  let end = at + 1;
  while (end < at + 4 && isDigit(text.charCodeAt(end))) end++;
  return end > at + 1 && text.charCodeAt(end) === 0x3e ? end + 1 : at;
}

const PRIORITY_WORD =
  /<?(?:kern|user|mail|daemon|auth|authpriv|syslog|local[0-7])[.:](?:debug|info|notice|warn|warning|err|error|crit|alert|emerg|panic)>? /y;

/**
 * Index after `mail.info ` (syslogd of BusyBox; `mail:info ` on AIX) or `<mail.info> ` (FreeBSD's with -v) at `at`;
 * `at` when there is none.
 */
export function afterPriorityWord(text: string, at: number): number {
  PRIORITY_WORD.lastIndex = at;
  return PRIORITY_WORD.test(text) ? PRIORITY_WORD.lastIndex : at;
}
