/** Whose mail a notification answers: never more than were sent, whoever else uses the address, bounded, kept. */
import { describe, expect, it } from 'vitest';
import { DAY } from '../../src/base/time.ts';
import type { StatePart } from '../../src/correlate/saved-map.ts';
import { SentMail } from '../../src/correlate/sent-mail.ts';

const START = Date.UTC(2026, 10, 10, 9);
const ALICE = { type: 'user', id: 'alice@example.net' } as const;
const MALLORY = { type: 'user', id: 'mallory@example.net' } as const;
const ADDRESS = 'alice@example.net';
const SMARTHOST = { host: 'mx1.provider.example', address: '198.51.100.7' };
/** where notifications of that host may come from */
const PLACES = ['provider.example', '198.51.100.0/24'];

/** Takes notifications until nobody is charged: how many each submitter was charged with. */
function drain(sent: SentMail, places: readonly string[], time = START): Record<string, number> {
  const charged: Record<string, number> = {};
  for (;;) {
    const submitter = sent.takeReturned(ADDRESS, places, time);
    if (submitter === undefined) return charged;
    charged[submitter.id] = (charged[submitter.id] ?? 0) + 1;
  }
}

describe('notifications', () => {
  it('are charged once for each recipient, whichever name or network they come from', () => {
    const sent = new SentMail();
    for (let n = 0; n < 3; n++) sent.noteSent(ALICE, ADDRESS, SMARTHOST, 'bob@shop.example', START);
    expect(sent.takeReturned('ALICE@example.net', ['198.51.100.0/24'], START)).toEqual(ALICE);
    expect(drain(sent, PLACES)).toEqual({ 'alice@example.net': 2 });
  });

  it('from another place are charged to nobody', () => {
    const sent = new SentMail();
    sent.noteSent(ALICE, ADDRESS, SMARTHOST, 'bob@shop.example', START);
    expect(drain(sent, ['example.edu', '203.0.113.0/24'])).toEqual({});
    expect(sent.takeReturned('bob@example.net', PLACES, START)).toBeUndefined();
  });

  it('are charged to whoever used the address, not to its owner', () => {
    const sent = new SentMail();
    sent.noteSent(ALICE, ADDRESS, SMARTHOST, 'bob@shop.example', START);
    for (let n = 0; n < 50; n++)
      sent.noteSent(MALLORY, ADDRESS, SMARTHOST, 'bob@shop.example', START);
    sent.noteSent(ALICE, ADDRESS, SMARTHOST, 'bob@shop.example', START);
    for (let n = 0; n < 40; n++) {
      expect(sent.takeReturned(ADDRESS, PLACES, START)).toEqual(MALLORY);
    }
  });

  it('that come after a week are charged to nobody', () => {
    const sent = new SentMail();
    sent.noteSent(ALICE, ADDRESS, SMARTHOST, 'bob@shop.example', START);
    expect(sent.takeReturned(ADDRESS, PLACES, START + 7 * DAY)).toBeUndefined();
  });
});

describe('the copies at the end of a batch', () => {
  const RELAYS = [SMARTHOST, { host: 'mx.other.example' }, { address: '203.0.113.7' }, undefined];
  const ALL_PLACES = ['provider.example', 'other.example', '203.0.113.0/24', 'shop.example'];

  it('change nothing, whenever they are made', () => {
    const charges = [0, 1, 2].map((every) => {
      const sent = new SentMail();
      for (let n = 0; n < 50_000; n++) {
        const recipient = n % 10 === 0 ? `${'x'.repeat(300)}@shop.example` : `u${n}@Shop.example`;
        const sender = n % 7 === 0 ? ADDRESS : `u${n % 50}@example.net`;
        sent.noteSent(n % 3 ? ALICE : MALLORY, sender, RELAYS[n % 4], recipient, START);
        if (every > 0 && n % (37 * every) === 0) sent.copyWaiting();
      }
      return ALL_PLACES.map((place) => drain(sent, [place]));
    });
    expect(charges[0]?.every((charged) => Object.keys(charged).length > 0)).toBe(true);
    expect(charges[1]).toEqual(charges[0]);
    expect(charges[2]).toEqual(charges[0]);
  });
});

describe('the memory', () => {
  const many = (sent: SentMail, count: number) => {
    for (let n = 0; n < count; n++)
      sent.noteSent(ALICE, `u${n}@example.net`, { host: 'x.example' }, 'bob@shop.example', START);
  };

  it('keeps its newest entries, and forgets the oldest when it is full', () => {
    const sent = new SentMail();
    sent.noteSent(ALICE, ADDRESS, SMARTHOST, 'bob@shop.example', START);
    many(sent, 100_000);
    expect(drain(sent, PLACES)).toEqual({});
    expect(sent.takeReturned('u99999@example.net', ['x.example'], START)).toEqual(ALICE);
  });

  it('survives a restart, and a commit writes only what changed', () => {
    const saved = new Map<string, unknown>();
    const save = (parts: readonly StatePart[]) => {
      for (const [name, value] of parts) saved.set(name, JSON.parse(JSON.stringify(value)));
      return parts.length;
    };
    const first = new SentMail();
    many(first, 2000);
    expect(save(first.takeChanges())).toBeGreaterThan(10);
    first.noteSent(ALICE, ADDRESS, SMARTHOST, 'bob@shop.example', START);
    first.noteSent(ALICE, ADDRESS, SMARTHOST, 'bob@shop.example', START);
    expect(first.takeReturned(ADDRESS, PLACES, START)).toEqual(ALICE);
    expect(save(first.takeChanges())).toBeLessThan(3);
    expect(first.takeChanges()).toEqual([]);
    const second = new SentMail();
    second.load((name) => saved.get(name));
    expect(drain(second, PLACES)).toEqual({ 'alice@example.net': 1 });
    expect(second.takeReturned('u7@example.net', ['x.example'], START)).toEqual(ALICE);
  });
});
