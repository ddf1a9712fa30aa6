/** Random events for tests of the store: each field present or absent, submitters in several spellings. */
import fc from 'fast-check';
import { EVENT_KINDS, type MailEvent, REASONS, SUBMITTER_TYPES } from '../../src/model/event.ts';

/** 2026-11-10T09:00:00Z */
export const START = Date.UTC(2026, 10, 10, 9);

/** A plain event with these parts. */
export function event(parts: Partial<MailEvent> = {}): MailEvent {
  const place = { source: 'mail.log', line: 1, offset: 0 };
  return { ...place, time: START, mta: 'postfix', kind: 'accepted', ...parts };
}

const texts = fc.constantFrom('', 'a', 'it’s', '550 5.1.1 unknown\u0000', 'x'.repeat(3000));
const maybe = <T>(values: fc.Arbitrary<T>) => fc.option(values, { nil: undefined });
const addresses = fc.constantFrom('192.0.2.1', '192.0.2.2', '2001:db8::1', '');
const hosts = fc.constantFrom('mx.example.org', 'MX.example.org', 'mx.example.com');

const clients = fc
  .tuple(addresses, maybe(hosts), maybe(texts))
  .map(([address, name, helo]) => withoutUnknown({ address, name, helo }));

/** A port alone is not stored. */
const relays = fc
  .tuple(maybe(hosts), maybe(addresses), maybe(fc.nat(65_535)))
  .filter(([host, address]) => host !== undefined || address !== undefined)
  .map(([host, address, port]) => withoutUnknown({ host, address, port }));

export const submitters = fc.record({
  type: fc.constantFrom(...SUBMITTER_TYPES),
  id: fc.constantFrom(
    'alice@example.net',
    'Alice@Example.NET',
    'bob',
    'BOB',
    '192.0.2.1',
    'ålesund',
  ),
});

const causes = fc
  .tuple(maybe(texts), maybe(relays), maybe(fc.constantFrom(...REASONS)))
  .map(([recipient, relay, reason]) =>
    withoutUnknown({ about: 'failure', way: 'forward', recipient, relay, reason }),
  );

/** Events at most an hour from each other, in any order. */
export const events: fc.Arbitrary<MailEvent> = fc.record({
  source: fc.constantFrom('/var/log/mail.log', '/var/log/mail.log.1'),
  line: fc.nat(1_000_000),
  offset: fc.nat(2 ** 40),
  time: fc.integer({ min: START, max: START + 3_600_000 }),
  mta: fc.constantFrom('postfix', 'exim'),
  host: maybe(hosts),
  kind: fc.constantFrom(...EVENT_KINDS),
  temporary: maybe(fc.constant(true)),
  stage: maybe(fc.constantFrom('CONNECT', 'RCPT', 'EOM', 'OTHER')),
  queueId: maybe(fc.constantFrom('9BE7E21449E', '4cX1')),
  parentQueueId: maybe(texts),
  submitter: maybe(submitters),
  client: maybe(clients),
  sender: maybe(texts),
  recipient: maybe(texts),
  originalRecipient: maybe(texts),
  relay: maybe(relays),
  code: maybe(fc.integer({ min: 200, max: 599 })),
  status: maybe(fc.constantFrom('5.1.1', '2.0.0')),
  reply: maybe(texts),
  reason: maybe(fc.constantFrom(...REASONS)),
  size: maybe(fc.nat(2 ** 40)),
  recipients: maybe(fc.nat(1000)),
  direction: maybe(fc.constantFrom('inbound', 'outbound')),
  repeated: maybe(fc.constant(true)),
  cause: maybe(causes),
  messageId: maybe(fc.constantFrom('1@example.net', 'x')),
  newRecipients: maybe(fc.nat(1000)),
}) as fc.Arbitrary<MailEvent>;

/** A batch of events in the order of time, except some with a wrong time. */
export const batches = fc
  .tuple(
    fc.array(events, { maxLength: 70 }),
    fc.array(
      fc.constantFrom(-400, 900).map((days) => days * 86_400_000),
      { maxLength: 2 },
    ),
  )
  .map(([list, strays]) => {
    const sorted = list.toSorted((a, b) => a.time - b.time);
    strays.forEach((days, index) => {
      const event = sorted[(7 * index + 3) % Math.max(1, sorted.length)];
      if (event !== undefined)
        sorted[sorted.indexOf(event)] = { ...event, time: event.time + days };
    });
    return sorted;
  });

function withoutUnknown<T extends object>(value: T): T {
  return Object.fromEntries(Object.entries(value).filter(([, part]) => part !== undefined)) as T;
}
