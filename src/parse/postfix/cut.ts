/**
 * Lines that lost their end. Postfix cuts its text after 2,000 bytes, without a mark (msg_syslog.c, msg_logger.c), and
 * syslog daemons cut whole lines: after 1,024 bytes (RFC 3164 4.1), after 2,048 (RFC 5424 6.1), and after 800 bytes of
 * the text of a repeated line (rsyslog). A client can choose an address so that its own text ends where the line is
 * cut. Then the line looks whole and ends with a false tail, so what stands at the end of such a line proves nothing.
 */

/**
 * The lengths of text, from and to, at which a line may have been cut: the limits, less what priority, time, host and
 * tag in front of the text take of them. Postfix itself never writes more than the last one.
 */
const LIMITS = [
  { from: 790, to: 800 },
  { from: 910, to: 1010 },
  { from: 1920, to: Number.POSITIVE_INFINITY },
] as const;

/** Whether a text has a length at which some writer cuts lines. Its beginning can still be believed. */
export function mayBeCut({ length }: string): boolean {
  return length >= LIMITS[0].from && LIMITS.some(({ from, to }) => length >= from && length <= to);
}
