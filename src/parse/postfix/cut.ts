/**
 * Lines that lost their end. Postfix cuts its text after 2,000 bytes, without a mark (msg_syslog.c, msg_logger.c), and
 * syslog daemons cut whole lines: after 900 bytes (AIX), after 1,024 (RFC 3164 4.1; svlogd after 1,000), after 2,048
 * (RFC 5424 6.1), and after 800 bytes of the text of a repeated line (rsyslog). A client can choose an address so that
 * its own text ends where the line is cut. Then the line looks whole and ends with a false tail, so what stands at the
 * end of such a line proves nothing.
 */

/**
 * The shortest text that may have been cut: the least limit, less what priority, time, host and tag in front of the text
 * take of it. There is no upper bound, because headers differ and an operator may set any limit. Whole texts of this
 * length are rare: the refusal of an ordinary recipient has 250 bytes.
 */
const SHORTEST_CUT = 770;

/** Whether a text has a length at which some writer cuts lines. Its beginning can still be believed. */
export function mayBeCut({ length }: string): boolean {
  return length >= SHORTEST_CUT;
}
