/** How `postern run` and `postern enforce` obey signals: they work in rounds, each with one configuration. */
import { getMessage } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { SECOND } from '../base/time.ts';

/** Why the signal of a round is aborted when another round follows. */
export const RELOAD = 'reload';

/**
 * Calls `round` again and again, until SIGTERM or SIGINT aborts its signal or it returns false. SIGHUP calls `reload`
 * and begins the next round; if `reload` throws, that is logged and the round continues. So does a change of `stamp`, which
 * is looked at every second. Throws what `round` throws.
 */
export async function inRounds(
  reload: () => void,
  round: (signal: AbortSignal) => Promise<boolean>,
  log: Log,
  stamp: () => string = () => '',
): Promise<void> {
  let stopped = false;
  let controller = new AbortController();
  const stop = () => {
    stopped = true;
    controller.abort();
  };
  const again = () => {
    try {
      reload();
      controller.abort(RELOAD);
    } catch (error) {
      logRefused(log, error);
    }
  };
  const handlers = [
    ['SIGTERM', stop],
    ['SIGINT', stop],
    ['SIGHUP', again],
  ] as const;
  // Also between two rounds, where a SIGHUP would otherwise end the process.
  for (const [signal, handler] of handlers) process.on(signal, handler);
  let seen = stamp();
  const look = () => {
    const now = stamp();
    if (now !== seen) again();
    seen = now;
  };
  const timer = setInterval(look, SECOND);
  try {
    while (!stopped) {
      controller = new AbortController();
      if (!(await round(controller.signal))) stopped = true;
    }
  } finally {
    clearInterval(timer);
    for (const [signal, handler] of handlers) process.off(signal, handler);
  }
}

/** Logs why a new configuration is not used. */
export function logRefused(log: Log, error: unknown): void {
  log.error({ error: getMessage(error) }, 'new configuration refused, the old one stays in use');
}
