/** A log that is discarded, for commands that only print their result. They need not load the real one. */
import type { Log } from './log.ts';

const nothing = (): void => {};

export const silentLog: Log = { debug: nothing, info: nothing, warn: nothing, error: nothing };
