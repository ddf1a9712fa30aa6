/** The notice about a listing: what it costs, how to be removed, what to look at. */
import { expect, it } from 'vitest';
import type { ListingChange } from '../../src/model/listing.ts';
import { isWorthNotice, listingNotice } from '../../src/notify/listing.ts';

const change = (changes: Partial<ListingChange> = {}): ListingChange => ({
  address: '192.0.2.7',
  list: 'spamhaus-zen',
  state: 'listed',
  codes: ['127.0.0.3'],
  meaning: 'CSS: spam was seen',
  removal: 'https://check.spamhaus.org/',
  cost: 'mail',
  time: Date.UTC(2026, 10, 10, 9),
  ...changes,
});

it('says everything about a listing', () => {
  const { subject, text } = listingNotice([change()]);
  expect(subject).toBe('[postern] 192.0.2.7 is listed by spamhaus-zen');
  expect(text).toContain('Seen: 2026-11-10T09:00:00.000Z');
  expect(text).toContain('Meaning: CSS: spam was seen (127.0.0.3)');
  expect(text).toContain('Cost: receivers refuse mail because of it');
  expect(text).toContain('Removal: https://check.spamhaus.org/');
  expect(text).toContain('  postern listings\n');
});

it('is one mail about many changes', () => {
  const { subject, text } = listingNotice([
    change(),
    change({ list: 'psbl' }),
    change({ address: '2001:db8::7', list: 'spamcop', state: 'clear', codes: [] }),
  ]);
  expect(subject).toBe(
    '[postern] 192.0.2.7 is listed by spamhaus-zen, psbl; 2001:db8::7 is no longer listed by spamcop',
  );
  expect(text).toContain('No longer listed\n----------------\n2001:db8::7: spamcop, 2026-11-10');
});

it('is not sent for lists of whole networks', () => {
  expect(isWorthNotice(change({ cost: 'information' }))).toBe(false);
  expect(isWorthNotice(change({ cost: 'bounces' }))).toBe(true);
});
