/** Events of keys that the store has no index for: all of the window, in their order, while others can run. */
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { Key, Verdict } from '../../src/model/block.ts';
import type { MailEvent } from '../../src/model/event.ts';
import { loadEvents } from '../../src/report/events.ts';
import { Store } from '../../src/store/store.ts';
import { event, START } from '../store/made-up.ts';

let store: Store;
beforeEach(() => {
  store = new Store(':memory:');
});
afterEach(() => store.close());

const COUNT = 35_000;
const PERIOD = COUNT / 10;
const CLIENT = '192.0.2.7';

/** Ten events each millisecond. Every thirteenth is late; every fiftieth is from the client. */
function stored(): MailEvent[] {
  const all = Array.from({ length: COUNT }, (_, offset) =>
    event({
      offset,
      time: START + Math.floor(offset / 10) - (offset % 13 === 0 ? 700 : 0),
      client: { address: offset % 50 === 0 ? CLIENT : '192.0.2.8' },
      sender: offset % 50 === 0 ? 'a@example.net' : 'b@example.net',
    }),
  );
  store.commit(() => store.events.insert(all));
  return all;
}

function verdictOn(key: Key): Verdict {
  const place = { source: 'mail.log', line: 1, offset: 0, time: START + PERIOD };
  return { rule: 'r', action: 'block', key, ...place, count: 1, limit: 1, period: PERIOD };
}

it.each<Key>([
  { type: 'client', id: CLIENT },
  { type: 'sender', id: 'a@example.net' },
  { type: 'host', id: 'mx1' },
])('of a $type', async (key) => {
  const all = stored();
  let turns = 0;
  let isOver = false;
  const turn = () => {
    turns++;
    if (!isOver) setImmediate(turn);
  };
  setImmediate(turn);
  const isOurs = ({ client }: MailEvent) => client?.address === CLIENT;
  const rule = { count: 'accepted' } as never;
  const found = await loadEvents(store, verdictOn(key), rule, isOurs);
  isOver = true;
  const wanted = all.filter((one) => isOurs(one) && one.time > START && one.time <= START + PERIOD);
  expect(found.map(({ offset }) => offset)).toEqual(wanted.map(({ offset }) => offset));
  expect(turns).toBeGreaterThanOrEqual(3);
});

it('finds at most 20,000 events, the newest', async () => {
  const many = Array.from({ length: 50_000 }, (_, offset) =>
    event({ offset, time: START + 1 + Math.floor(offset / 20), client: { address: CLIENT } }),
  );
  store.commit(() => store.events.insert(many));
  const verdict = verdictOn({ type: 'client', id: CLIENT });
  const found = await loadEvents(store, verdict, undefined, () => true);
  expect(found).toHaveLength(20_000);
  expect([found[0]?.offset, found.at(-1)?.offset]).toEqual([30_000, 49_999]);
});
