/** Judges stored events with other limits. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { MailEvent } from '../model/event.ts';
import { loadOutages } from '../store/outages.ts';
import { Store } from '../store/store.ts';
import { buildOutageLookup } from './outages.ts';
import type { Tuning } from './tuning.ts';

/** Events between two turns of others, some ms. */
const PART = 1000;

/** Feeds it the events from `since` to `until` (ms) of the database at `path`. Others run in between. */
export async function tuneStored(
  tuning: Tuning,
  path: string,
  { since, until }: { readonly since: number; readonly until: number },
): Promise<void> {
  // A connection of its own: it reads for as long as it takes.
  const store = new Store(path, { readonly: true });
  try {
    const findOutage = buildOutageLookup(loadOutages(store));
    let read = 0;
    for (const { event } of store.events.query({ since, until })) {
      tuning.feed(withoutOutage(event, findOutage));
      if (++read % PART === 0) await nextTurn();
    }
  } finally {
    store.close();
  }
}

/** A refusal during an outage that was found did not count. */
function withoutOutage(
  event: MailEvent,
  findOutage: ReturnType<typeof buildOutageLookup>,
): MailEvent {
  return findOutage(event) === undefined ? event : { ...event, reason: undefined };
}
