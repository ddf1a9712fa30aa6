/** What the prefixes read so far say about a line. */
import type { LoggedLine, Position } from '../../model/line.ts';
import type { Tag } from './tag.ts';

export interface Prefix {
  readonly at: Position;
  /** empty: not known */
  readonly host: string;
  /** ms since the epoch; NaN: not known */
  readonly time: number;
  /** the time is an instant, not what a clock of some zone showed */
  readonly exact: boolean;
}

/** The instant by which a stamp further in can be understood; undefined when none is known. */
export function resolveInstant(prefix: Prefix): number | undefined {
  return prefix.exact ? prefix.time : undefined;
}

/** The line that a program with this tag logged. */
export function loggedLine(
  prefix: Prefix,
  tag: Tag,
  pid: string,
  text: string,
  times: number,
): LoggedLine {
  return {
    at: prefix.at,
    time: prefix.time,
    host: prefix.host,
    instance: tag.instance,
    service: tag.service,
    program: tag.program,
    pid,
    text,
    times,
  };
}
