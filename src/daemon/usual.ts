/**
 * The state of rules with `usual` in the database. It is stored now and then, together with the number of the newest
 * event that it holds. A restart loads it and counts the events since then again, in their order.
 */
import type { SavedProfile } from '../judge/usual/habits.ts';
import type { UsualRules } from '../judge/usual/usual-rules.ts';
import type { Store } from '../store/store.ts';

/** A rule without a stored state counts at most so many of the newest events again. */
const MOST_EVENTS = 200_000;

/** Stores what has changed. Call it inside the transaction that stores the newest events. */
export function saveUsual(store: Store, usual: UsualRules): void {
  const rules = usual.describe();
  store.usual.save(usual.changed());
  store.state.write('usual', { event: store.events.newest(), rules });
}

/** Takes up the stored state, and counts what came after it. */
export function loadUsual(store: Store, usual: UsualRules): void {
  const saved = store.state.read('usual');
  if (saved !== undefined) {
    usual.load(saved.rules, (rule) => store.usual.read<SavedProfile['rest']>(rule));
    store.commit(() => store.usual.keepRules(usual.known));
  }
  const event = saved?.event ?? 0;
  const from = usual.hasFresh ? Math.min(event, store.events.newest() - MOST_EVENTS) : event;
  if (usual.isEmpty) return;
  for (const { id, event: stored } of store.events.after(Math.max(0, from))) {
    usual.recount(stored, id <= event);
  }
}
