/** Lines of an Exim log as the parser gets them. */
import type { LoggedLine } from '../../src/model/line.ts';

/** An entry without its time, zone and pid; `text` is a byte string. */
export function entry(text: string): LoggedLine {
  return {
    at: { source: 'mainlog', line: 1, offset: 0 },
    time: 0,
    host: '',
    instance: '',
    service: '',
    program: 'exim',
    pid: '',
    text,
    times: 1,
  };
}

/** A byte string of real text. */
export function bytesOf(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1');
}
