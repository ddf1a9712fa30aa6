/** A log that is discarded, for commands that only print their result. They need not load the real one. */
import type { Logger } from 'pino';

const nothing = (): void => {};

export const silentLog: Pick<Logger, 'debug' | 'info' | 'warn' | 'error'> = {
  debug: nothing,
  info: nothing,
  warn: nothing,
  error: nothing,
};
