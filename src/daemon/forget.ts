/** People whom `postern forget` has asked the service to forget: only it can, because it has open messages in memory. */
import type { Store } from '../store/store.ts';

/** Before anything is read from the database. */
export function forgetAsAsked(store: Store): void {
  const people = store.state.read('forget');
  if (people === undefined || people === null) return;
  store.commit(() => {
    store.state.write('forget', null);
    for (const person of people) store.erasure.eraseRest(person);
  });
}
