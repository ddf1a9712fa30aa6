/** What is saved of the open messages: after each commit the store holds exactly those that are open. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { newMessage, type OpenMessage } from '../../src/correlate/message.ts';
import { OpenMessages } from '../../src/correlate/messages.ts';

const IDS = ['A1', 'B2', 'C3', 'D4'];
/** Bytes: no more than two messages stay in memory after a commit. */
const LITTLE = 1500;

const step = fc.record({
  what: fc.constantFrom('begin', 'renew', 'touch', 'close', 'close', 'commit'),
  id: fc.constantFrom(...IDS),
});

/** The database and what it must hold. */
class Model {
  readonly stored = new Map<string, OpenMessage>();
  readonly #open = new Map<string, number>();
  #messages: OpenMessages;
  #time = 0;
  readonly #limit: number | undefined;
  /** rows deleted that were not there */
  needless = 0;

  constructor(limit: number | undefined) {
    this.#limit = limit;
    this.#messages = this.#start();
  }

  #start(): OpenMessages {
    const store = {
      load: (_host: string, id: string) => structuredClone(this.stored.get(id)),
      recent: () => [],
    };
    const limit = this.#limit === undefined ? {} : { limit: this.#limit };
    return new OpenMessages({ store, ...limit, resuming: this.stored.size > 0 });
  }

  do(what: string, id: string): void {
    const time = ++this.#time;
    const known = what === 'renew' ? undefined : this.#messages.get('mx', id);
    if (what === 'commit') this.#commit();
    else if (what === 'close' && known !== undefined) {
      this.#messages.close(known);
      this.#open.delete(id);
    } else if (what === 'touch' && known !== undefined) {
      this.#messages.touch(known, time);
      this.#open.set(id, time);
    } else if (what === 'renew' || (what === 'begin' && known === undefined)) {
      this.#messages.put(newMessage('mx', id, time, 'unknown'));
      this.#open.set(id, time);
    }
  }

  #commit(): void {
    const { changed, closed } = this.#messages.takeChanges();
    for (const { queueId } of closed) if (!this.stored.delete(queueId)) this.needless++;
    for (const message of changed) this.stored.set(message.queueId, { ...message });
    const touched = [...this.stored].map(([id, message]) => [id, message.touched]);
    expect(new Map(touched as [string, number][])).toEqual(this.#open);
  }

  restart(): void {
    this.#commit();
    this.#messages = this.#start();
  }
}

it('holds the open messages, however they came and went, across evictions and restarts', () => {
  fc.assert(
    fc.property(
      fc.array(step, { maxLength: 40 }),
      fc.array(step, { maxLength: 40 }),
      fc.constantFrom(LITTLE, undefined),
      (before, after, limit) => {
        const model = new Model(limit);
        for (const { what, id } of before) model.do(what, id);
        model.restart();
        for (const { what, id } of after) model.do(what, id);
        model.do('commit', '');
      },
    ),
  );
});

it('deletes nothing for a message that came and went between two commits', () => {
  const model = new Model(undefined);
  for (const id of IDS) for (const what of ['begin', 'touch', 'close']) model.do(what, id);
  model.do('commit', '');
  expect(model.needless).toBe(0);
});
