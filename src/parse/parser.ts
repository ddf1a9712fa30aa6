/** The contract of a log parser: one line to what it says, pure, in time linear in the line's length. */
import type { Mta } from '../model/event.ts';
import type { LoggedLine } from '../model/line.ts';
import type { LogRecord } from '../model/record.ts';

export interface LogParser {
  readonly mta: Mta;
  /** Undefined: the line says nothing that Postern knows. Never throws, whatever the line holds. */
  parse(line: LoggedLine): LogRecord | undefined;
}
