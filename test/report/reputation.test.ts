/** Refusals because of our reputation, from stored events: who is counted before them, what ends them, whom they are about. */
import { afterEach, beforeEach, expect, it } from 'vitest';
import { DAY, HOUR, MINUTE } from '../../src/base/time.ts';
import type { MailEvent } from '../../src/model/event.ts';
import { describeReputation, gatherReputation } from '../../src/report/reputation.ts';
import type { Store } from '../../src/store/store.ts';
import { event, START } from '../judge/event.ts';
import { openStore } from '../support/database.ts';
import { type Folder, scratchFolder } from '../support/folder.ts';

let folder: Folder;
let store: Store;
beforeEach(() => {
  folder = scratchFolder();
  ({ store } = openStore(folder.at('x.db')));
});
afterEach(() => {
  store.close();
  folder.remove();
});

const GOOGLE = { host: 'gmail-smtp-in.l.google.com', address: '198.51.100.9' };
const by = (id: string) => ({ submitter: { type: 'user' as const, id } });
const delivered = (at: number, parts: Partial<MailEvent> = {}) =>
  event(at, { kind: 'delivered', relay: GOOGLE, direction: 'outbound', ...parts });
const refused = (at: number, parts: Partial<MailEvent> = {}) =>
  event(at, {
    kind: 'deferred',
    relay: GOOGLE,
    direction: 'outbound',
    reason: 'rate-limited',
    reply:
      '421 4.7.28 Gmail has detected an unusual rate of unsolicited mail originating from your IP address [192.0.2.7]. https://support.google.com/mail/?p=UnsolicitedRateLimitError',
    ...by('bob@example.net'),
    ...parts,
  });
const gather = (...events: MailEvent[]) => {
  store.commit(() => store.events.insert(events));
  return gatherReputation(store, START - 7 * DAY, START + 7 * DAY);
};

it('counts the day before the first refusal, by person and by provider', () => {
  const [google, ...others] = gather(
    delivered(-25 * HOUR, by('old@example.net')),
    delivered(-HOUR, by('alice@example.net')),
    delivered(-HOUR, by('Alice@Example.NET')),
    delivered(-HOUR, { ...by('alice@example.net'), relay: { host: 'alt1.aspmx.l.google.com' } }),
    delivered(-HOUR, { ...by('carol@example.net'), relay: { host: 'mx.notgoogle.com' } }),
    event(-HOUR, { relay: GOOGLE, ...by('bob@example.net') }),
    delivered(-HOUR),
    refused(0),
    refused(MINUTE),
    delivered(30, by('late@example.net')),
  );
  expect(others).toEqual([]);
  expect(google).toMatchObject({
    provider: 'google.com',
    since: START,
    last: START + MINUTE,
    refusals: 2,
    before: [
      { type: 'user', id: 'alice@example.net', recipients: 3, refused: 0 },
      { type: 'user', id: 'bob@example.net', recipients: 1, refused: 1 },
    ],
    addresses: ['192.0.2.7'],
  });
  expect(google?.ended).toBeUndefined();
  expect(google && describeReputation(google)).toBe(
    'Google (google.com) has refused us since 2026-11-10 09:00Z (2 times: Google UnsolicitedRateLimitError, Google unusual rate); in the day before that alice@example.net sent it 3, bob@example.net 1 (1 refused).',
  );
});

it('ends with the first mail that the provider takes after the last refusal', () => {
  const [google] = gather(
    refused(0),
    delivered(MINUTE),
    refused(2 * MINUTE),
    event(3 * MINUTE, { relay: GOOGLE }),
    delivered(5 * MINUTE),
    delivered(4 * MINUTE),
  );
  expect(google?.ended).toBe(START + 4 * MINUTE);
});

it.each<[string, Partial<MailEvent>]>([
  ['name no list and no code', { reply: '421 4.7.0 Try again later' }],
  ['are about an unknown user', { reason: 'invalid-recipient' }],
  ['are our own, of a client', { kind: 'rejected' }],
  ['come from our own delivery', { direction: 'local' }],
  [
    'come from our own host, about a stranger',
    { direction: 'inbound', relay: { host: 'exchange.example.net', address: '10.0.0.9' } },
  ],
  ['name no host', { relay: undefined }],
])('leaves out refusals that %s', (_name, parts) => {
  expect(gather(refused(0, parts))).toEqual([]);
});

it('shows twenty providers, those with most refusals', () => {
  const many = Array.from({ length: 30 }, (_, n) =>
    Array.from({ length: n + 1 }, () => refused(0, { relay: { host: `mx.p${n}.example` } })),
  ).flat();
  const found = gather(...many).map(({ provider }) => provider);
  expect(found).toHaveLength(20);
  expect(found.slice(0, 2)).toEqual(['p29.example', 'p28.example']);
});
