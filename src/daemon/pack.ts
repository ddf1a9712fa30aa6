/**
 * Keeps the stored events in pages of some hundred: puts those together that commits of a few events left, and turns the
 * rows of an earlier version into pages. In steps of a few ms, each a transaction, so the service works meanwhile, and an
 * end at any moment loses nothing.
 */
import { getMessage } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { MINUTE } from '../base/time.ts';
import { waitOrAbort } from '../base/wait.ts';
import type { Store } from '../store/store.ts';

interface PackOptions {
  readonly store: Store;
  readonly log: Log;
  readonly signal: AbortSignal;
}

/** Between two steps, ms. */
const STEP_PAUSE = 20;

/** Packs every minute until aborted; what the database refuses for now is tried again. */
export async function keepPacked(options: PackOptions): Promise<void> {
  const { store, log, signal } = options;
  while (!signal.aborted) {
    try {
      await convertAll(options);
      await packAll(options);
    } catch (error) {
      if (!store.isPassing(error)) throw error;
      log.warn({ error: getMessage(error) }, 'events not packed, will try again');
    }
    await waitOrAbort(MINUTE, signal);
  }
}

async function convertAll({ store, log, signal }: PackOptions): Promise<void> {
  if (!store.events.hasOldRows) return;
  log.info({}, 'packing the events of an earlier version');
  while (!signal.aborted && store.commit(() => store.events.convert())) {
    await waitOrAbort(STEP_PAUSE, signal);
  }
  if (!signal.aborted) log.info({}, 'all events are packed');
}

async function packAll({ store, signal }: PackOptions): Promise<void> {
  let after: number | undefined = 0;
  while (!signal.aborted && after !== undefined) {
    const from: number = after;
    after = store.commit(() => store.events.pack(from));
    await waitOrAbort(STEP_PAUSE, signal);
  }
}
