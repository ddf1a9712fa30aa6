/** How `run` and `enforce` live by signals: in rounds, each with the configuration that holds then. */

/**
 * Does `round` again and again, until SIGTERM or SIGINT aborts it or it says that it was the last (false). At SIGHUP
 * `reload` is called, and the next round begins when it says so (true). What `round` throws is thrown.
 */
export async function inRounds(
  reload: () => boolean,
  round: (signal: AbortSignal) => Promise<boolean>,
): Promise<void> {
  let stopped = false;
  let controller = new AbortController();
  const stop = () => {
    stopped = true;
    controller.abort();
  };
  const handlers = [
    ['SIGTERM', stop],
    ['SIGINT', stop],
    ['SIGHUP', () => reload() && controller.abort()],
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
