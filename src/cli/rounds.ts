/** How `run` and `enforce` live by signals: in rounds, each with the configuration that holds then. */
import { getMessage } from '../base/errors.ts';
import type { Log } from '../base/log.ts';

/**
 * Does `round` again and again, until SIGTERM or SIGINT aborts it or it says that it was the last (false). At SIGHUP
 * `reload` is called, and the next round begins; what it throws is said instead. What `round` throws is thrown.
 */
export async function inRounds(
  reload: () => void,
  round: (signal: AbortSignal) => Promise<boolean>,
  log: Log,
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
      controller.abort();
    } catch (error) {
      sayRefused(log, error);
    }
  };
  const handlers = [
    ['SIGTERM', stop],
    ['SIGINT', stop],
    ['SIGHUP', again],
  ] as const;
  // All the time: between two rounds a SIGHUP would end the process.
  for (const [signal, handler] of handlers) process.on(signal, handler);
  try {
    while (!stopped) {
      controller = new AbortController();
      if (!(await round(controller.signal))) stopped = true;
    }
  } finally {
    for (const [signal, handler] of handlers) process.off(signal, handler);
  }
}

/** Says that a new configuration could not be taken over, and why. */
export function sayRefused(log: Log, error: unknown): void {
  log.error(
    { error: getMessage(error) },
    'configuration not taken over, going on with the old one',
  );
}
