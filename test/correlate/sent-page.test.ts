/** A page that never changes any more says what it said while it was open. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { OpenPage, SealedPage, type SentPage } from '../../src/correlate/sent-page.ts';

/** Few values of each, so that they meet; '' stands for all places. */
const ADDRESSES = ['', 'a@example.net', 'aa@example.net', 'ü@example.net', 'b'.repeat(32)];
const PLACES = ['', 'provider.example', 'a@example.net', '198.51.100.0/24'];
const SUBMITTERS = ['a@example.net', 'eve', ' client 192.0.2.1', '', ...'0123456789'];

const sent = fc.array(
  fc.tuple(
    fc.constantFrom(...ADDRESSES),
    fc.constantFrom(...PLACES),
    fc.constantFrom(...SUBMITTERS),
    fc.constantFrom(1, 1, 1, -1),
  ),
  { maxLength: 300 },
);

function countAll(page: SentPage): unknown {
  return [...ADDRESSES, 'c@example.net'].flatMap((address) =>
    [...PLACES, 'other.example'].map((place) => {
      const sums = new Map<string, number>();
      page.addCounts(address, place, sums);
      return [address, place, ...sums];
    }),
  );
}

describe('a sealed page', () => {
  it('counts what the open page counted, in the same order, and comes back from the database', () => {
    fc.assert(
      fc.property(sent, (mails) => {
        const open = new OpenPage(7, 1000);
        for (const [address, place, who, count] of mails) open.add(address, [place], who, count);
        const sealed = new SealedPage(open);
        expect(countAll(sealed)).toEqual(countAll(open));
        for (const page of [open, sealed]) {
          const saved = JSON.parse(JSON.stringify(page.save()));
          const { size, number, began } = OpenPage.load(saved);
          expect({ size, number, began }).toEqual({ size: open.size, number: 7, began: 1000 });
          expect(countAll(OpenPage.load(saved))).toEqual(countAll(open));
        }
      }),
    );
  });

  it('tells addresses apart that have the same hash', () => {
    const open = new OpenPage(0, 0);
    // FNV-1a makes 1023958543 of both.
    const [one, other] = ['u31992@example.net', 'u605430@example.net'];
    open.add(one, [''], 'alice', 1);
    open.add(other, [''], 'mallory', 1);
    const sums = new Map<string, number>();
    new SealedPage(open).addCounts(one, '', sums);
    expect([...sums]).toEqual([['alice', 1]]);
  });

  it('is read as an earlier version saved it', () => {
    const entries = [
      ['a@example.net', '', 'alice', 3],
      ['a@example.net', 'provider.example', 'alice', -1],
    ] as const;
    const page = OpenPage.load({ number: 1, began: 2, entries });
    const sums = new Map<string, number>();
    page.addCounts('a@example.net', 'provider.example', sums);
    page.addCounts('a@example.net', '', sums);
    expect([...sums]).toEqual([['alice', 2]]);
  });
});
