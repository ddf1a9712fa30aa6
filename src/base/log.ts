/** Our own log: JSON lines on standard error, or journald priorities (`<4>text`) under systemd. */
import { type Logger, pino } from 'pino';
import { escapeOutput } from './escape.ts';

export type Log = Pick<Logger, 'debug' | 'info' | 'warn' | 'error'>;

/** syslog priorities by pino's levels. */
const PRIORITIES: Readonly<Record<number, number>> = { 10: 7, 20: 7, 30: 6, 40: 4, 50: 3, 60: 2 };

/**
 * A logger with constant messages and the data beside them.
 * Under journald (`JOURNAL_STREAM` is set) every line starts with its syslog priority, sd-daemon(3). `about`: data of
 * every line.
 */
export function createLog(
  level = 'info',
  env: NodeJS.ProcessEnv = process.env,
  about: Readonly<Record<string, string>> | null = null,
): Log {
  const journald = env.JOURNAL_STREAM !== undefined;
  keepGoing();
  const destination = {
    write(line: string): void {
      process.stderr.write(escapeOutput(journald ? withPriority(line) : line));
    },
  };
  return pino(
    { level, base: about, timestamp: journald ? false : pino.stdTimeFunctions.isoTime },
    destination,
  );
}

/** A log that cannot be written (full disk, closed pipe) must not end the service. Node's streams go on after an error. */
function keepGoing(): void {
  if (process.stderr.listenerCount('error') === 0) process.stderr.on('error', () => {});
}

function withPriority(line: string): string {
  const level = /^\{"level":(\d+)/.exec(line)?.[1];
  return `<${PRIORITIES[Number(level)] ?? 6}>${line}`;
}

export { silentLog } from './silent-log.ts';
