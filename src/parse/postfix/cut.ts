/**
 * Lines that lost their end. Postfix cuts its text after 2,000 bytes, without a mark (msg_syslog.c, msg_logger.c), and
 * syslog daemons cut whole lines: after 900 bytes (AIX), after 1,024 (RFC 3164 4.1; svlogd after 1,000), after 2,048
 * (RFC 5424 6.1), and after 800 bytes of the text of a repeated line (rsyslog). A client can choose an address so that
 * its own text ends where the line is cut. Then the line looks whole and ends with a false tail, so what stands at the
 * end of such a line proves nothing.
 *
 * Writers with a lower limit (256 bytes: BusyBox; 480: RFC 5424 6.1) show it by the delivery lines that they cut.
 */
import { type LoggedLine, ownCopy } from '../../model/line.ts';

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

/** So many lines must have been cut at one length: a single one may have been torn, by a crash or a full disk. */
const NEEDED = 2;
/** The envelope takes blanks off the end, and the priority in front may have a digit or a letter more. */
const TOLERANCE = 12;
const MOST_HOSTS = 1000;

/**
 * The length at which the lines of a host were seen to be cut: the greatest of those of delivery lines without their
 * end, because nothing longer gets through. It is not saved, since such lines keep coming.
 */
export class CutLimits {
  readonly #byHost = new Map<string, { length: number; count: number }>();

  get isEmpty(): boolean {
    return this.#byHost.size === 0;
  }

  /** Takes a delivery line that lost its end. */
  learn(line: LoggedLine): void {
    const length = measure(line);
    const known = this.#byHost.get(line.host);
    if (known === undefined || length > known.length + TOLERANCE) {
      if (this.#byHost.size >= MOST_HOSTS) this.#byHost.clear();
      this.#byHost.set(ownCopy(line.host), { length, count: 1 });
    } else if (length >= known.length - TOLERANCE) known.count++;
  }

  /** Whether the line has the length at which lines of its host are cut. */
  isReached(line: LoggedLine): boolean {
    const known = this.#byHost.get(line.host);
    if (known === undefined || known.count < NEEDED) return false;
    return Math.abs(measure(line) - known.length) <= TOLERANCE;
  }
}

/** Tag and text: what stands in front of them has the same length in all lines of a writer. */
function measure({ instance, service, program, pid, text }: LoggedLine): number {
  const path = service === '' ? 0 : service.length + 1;
  return instance.length + path + program.length + pid.length + text.length;
}
