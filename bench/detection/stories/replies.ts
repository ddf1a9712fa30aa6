/** What the answers mean: throttles that say 550, outages, words about the sender, refusals that are temporary. */
import { answered, people } from '../audience.ts';
import { login, sends, series } from '../cast.ts';
import { putsOff, refuses } from '../dialects.ts';
import { BIGMAIL, LIVEBOX, MIXED, PENGUIN_SITE, SMALL } from '../sites.ts';
import { type Answer, HOUR, MINUTE, type Pair, type Sending } from '../story.ts';

const TRADER = login('export@kontor.example', '198.51.100.160');

/** Forty people who write to the largest provider all day, so that its usual answers are known. */
const REGULARS = series(40, (n) => `nutzer${n}@stadtnetz.example`);

function usualDay(): Sending[] {
  return REGULARS.map((user, n) =>
    sends({
      by: login(user, `198.51.100.${100 + n}`),
      at: '04:00',
      over: 10 * HOUR,
      mails: 12,
      to: people({ at: [BIGMAIL, BIGMAIL, LIVEBOX], dead: 1 }),
    }),
  );
}

/** For ninety minutes that provider says that nobody exists. */
function outage(): Sending[] {
  return REGULARS.map((user, n) =>
    sends({
      by: login(user, `198.51.100.${100 + n}`),
      at: '14:00',
      over: 90 * MINUTE,
      mails: 8,
      to: people({ at: [BIGMAIL], dead: 88 }),
    }),
  );
}

/** Words that are about us, not about the recipient. */
const ABOUT_US: readonly Answer[] = [
  refuses('RCPT', '554 mail address invalid.'),
  refuses('RCPT', '556 remote ip check error.'),
  refuses('MAIL', '550 5.1.8 <export@kontor.example>: Sender address rejected: Domain not found'),
  refuses('CONNECT', '550 host kontor.example from unknown TLD'),
  refuses('RCPT', '550 sender is rejected'),
];

const LISTED = refuses(
  'RCPT',
  '554 5.7.1 Service unavailable; Client host [192.0.2.25] blocked using zen.dnsbl.example; see https://dnsbl.example/lookup',
);

/** Temporary words about one recipient, which servers with `soft_bounce` say of unknown users. */
function unknownForNow(to: string): Answer[] {
  return Array(3).fill(
    putsOff(
      'RCPT',
      `450 4.1.1 <${to}>: Recipient address rejected: User unknown in virtual mailbox table`,
    ),
  );
}

const TRY_LATER = putsOff('RCPT', '451 4.3.5 Server configuration problem, try again later');

export const REPLIES: readonly Pair[] = [
  {
    name: 'throttle that says 550',
    on: ['postfix', 'exim'],
    innocent: [
      {
        name: 'trader-throttled',
        says: 'An exporter writes to 430 customers. 175 are at a provider whose throttle says 550 Mailbox unavailable.',
        flows: [
          sends({
            by: TRADER,
            at: '09:00',
            over: 50 * MINUTE,
            mails: 175,
            to: people({ at: [PENGUIN_SITE], busy: 100 }),
          }),
          sends({
            by: TRADER,
            at: '09:00',
            over: 50 * MINUTE,
            mails: 255,
            to: people({ at: SMALL, dead: 2 }),
          }),
        ],
      },
    ],
    guilty: [
      {
        name: 'dead-at-that-provider',
        says: 'A stolen account meets 150 addresses that this provider does not know.',
        flows: [
          sends({
            by: login('import@kontor.example', '243.1.7.7'),
            at: '09:00',
            over: 50 * MINUTE,
            mails: 420,
            to: people({ at: [PENGUIN_SITE], dead: 36 }),
          }),
        ],
        block: ['user:import@kontor.example'],
      },
    ],
  },
  {
    name: 'outage of a provider',
    innocent: [
      {
        name: 'provider-forgets-everybody',
        says: 'For ninety minutes the largest provider answers 550 5.1.1 for mailboxes that exist. A newsletter runs into it.',
        flows: [
          ...usualDay(),
          ...outage(),
          sends({
            by: login('nutzer3@stadtnetz.example', '198.51.100.103'),
            at: '14:30',
            over: 20 * MINUTE,
            mails: 300,
            to: people({ at: [BIGMAIL], dead: 88 }),
          }),
        ],
      },
    ],
    guilty: [
      {
        name: 'thief-during-the-outage',
        says: 'During that outage a stolen account sends to a bought list at other providers.',
        flows: [
          ...usualDay(),
          ...outage(),
          sends({
            by: login('archiv@stadtnetz.example', '250.6.1.1'),
            at: '14:20',
            over: 40 * MINUTE,
            mails: 480,
            to: people({ at: SMALL, dead: 29 }),
          }),
        ],
        block: ['user:archiv@stadtnetz.example'],
      },
    ],
  },
  {
    name: 'words about the sender',
    innocent: [
      {
        name: 'sender-not-liked',
        says: 'The domain of a firm expired. Half of the servers refuse its 500 mails with words about the sender.',
        flows: [
          sends({
            by: TRADER,
            at: '10:00',
            over: 45 * MINUTE,
            mails: 250,
            to: answered(SMALL, (_, n) => [ABOUT_US[n % ABOUT_US.length] as Answer]),
          }),
          sends({ by: TRADER, at: '10:00', over: 45 * MINUTE, mails: 250, to: people() }),
        ],
      },
      {
        name: 'on-a-blocklist',
        says: 'This server is on a blocklist: 700 of 900 mails of a newsletter are refused for that.',
        flows: [
          sends({
            by: login('blatt@imker.example', '198.51.100.82'),
            at: '16:00',
            over: 30 * MINUTE,
            mails: 700,
            to: answered(MIXED, () => [LISTED]),
          }),
          sends({
            by: login('blatt@imker.example', '198.51.100.82'),
            at: '16:00',
            over: 30 * MINUTE,
            mails: 200,
            to: people({ dead: 4 }),
          }),
        ],
      },
    ],
    guilty: [
      {
        name: 'thief-on-a-blocklisted-server',
        says: 'This server is on a blocklist because of a thief, who goes on and still meets dead addresses.',
        flows: [
          sends({
            by: login('stand@imker.example', '249.5.5.5'),
            at: '16:00',
            over: 40 * MINUTE,
            mails: 400,
            to: answered(MIXED, () => [LISTED]),
          }),
          sends({
            by: login('stand@imker.example', '249.5.5.5'),
            at: '16:00',
            over: 40 * MINUTE,
            mails: 420,
            to: people({ dead: 30 }),
          }),
        ],
        block: ['user:stand@imker.example'],
      },
    ],
  },
  {
    name: 'temporary words',
    innocent: [
      {
        name: 'retries-all-day',
        says: 'A mailing to 150 members of a club whose server is broken is tried again and again.',
        flows: [
          sends({
            by: login('obmann@imker.example', '198.51.100.83'),
            at: '06:00',
            over: 10 * MINUTE,
            mails: 10,
            each: 15,
            to: answered(SMALL.slice(0, 2), () => Array(12).fill(TRY_LATER)),
          }),
          sends({
            by: login('obmann@imker.example', '198.51.100.83'),
            at: '06:00',
            over: 10 * HOUR,
            mails: 60,
            to: people({ down: 10 }),
          }),
        ],
      },
    ],
    guilty: [
      {
        name: 'unknown-for-now',
        says: 'A thief meets 140 unknown users at servers that answer 450 instead of 550.',
        flows: [
          sends({
            by: login('kassier@imker.example', '244.2.9.1'),
            at: '06:00',
            over: 35 * MINUTE,
            mails: 140,
            to: answered(SMALL, unknownForNow),
          }),
          sends({
            by: login('kassier@imker.example', '244.2.9.1'),
            at: '06:00',
            over: 35 * MINUTE,
            mails: 300,
            to: people(),
          }),
        ],
        block: ['user:kassier@imker.example'],
      },
    ],
  },
];
