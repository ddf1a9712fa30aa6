/** The open messages that a start reads: the newest ones, and not more than the limit. */
import { expect, it } from 'vitest';
import { Store } from '../../src/store/store.ts';

const message = (n: number, more = {}) => ({
  host: 'mx1',
  queueId: `Q${n}`,
  born: 1000 * n,
  touched: 1000 * n,
  outcomes: { 'a@example.org': {} },
  ...more,
});

it('names the newest messages, each with what tells it from others', () => {
  const store = new Store(':memory:');
  const old = message(1, { touched: 7000, messageId: 'a@b', parentQueueId: 'Q0' });
  store.state.saveMessages([message(7), message(6), old, message(5), message(2)], []);
  const names = (age: number, most: number) => [...store.state.recentMessages(age, most)];
  expect(names(2500, 10)).toEqual([
    { host: 'mx1', queueId: 'Q1', born: 1000, messageId: 'a@b', parentQueueId: 'Q0' },
    { host: 'mx1', queueId: 'Q5', born: 5000 },
    { host: 'mx1', queueId: 'Q6', born: 6000 },
    { host: 'mx1', queueId: 'Q7', born: 7000 },
  ]);
  expect(names(2500, 2).map(({ queueId }) => queueId)).toEqual(['Q1', 'Q7']);
  expect(names(1e9, 10)).toHaveLength(5);
  store.close();
});
