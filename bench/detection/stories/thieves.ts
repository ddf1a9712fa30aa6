/** Stolen passwords among honest people, and people who look like thieves. */
import { people } from '../audience.ts';
import { login, sends, series, stranger } from '../cast.ts';
import { ownMailboxes, smarthost } from '../sites.ts';
import { HOUR, MINUTE, type Pair, type Sending } from '../story.ts';

const DEAD_QUARTER = people({ dead: 25 });

function thief(user: string, address: string, at: string): Sending {
  return sends({ by: login(user, address), at, over: 25 * MINUTE, mails: 480, to: DEAD_QUARTER });
}

function newsletter(user: string, address: string, at: string): Sending {
  const to = people({ dead: 3, full: 2, grey: 20 });
  return sends({ by: login(user, address), at, over: 40 * MINUTE, mails: 130, each: 15, to });
}

function half(user: string, address: string, at: string): Sending {
  return sends({ by: login(user, address), at, over: 40 * MINUTE, mails: 260, to: DEAD_QUARTER });
}

export const THIEVES: readonly Pair[] = [
  {
    name: 'quiet account',
    on: ['postfix', 'exim'],
    innocent: [
      {
        name: 'wedding-invitation',
        says: 'Someone who hardly ever writes invites 160 guests at midnight, from a hotel. Seven addresses are old.',
        flows: [
          sends({
            by: login('hilde@dorfpost.example', '198.51.100.61'),
            at: '08:00',
            over: 12 * HOUR,
            mails: 3,
            to: people(),
          }),
          sends({
            by: login('hilde@dorfpost.example', '247.3.9.18'),
            at: '23:50',
            over: 15 * MINUTE,
            mails: 160,
            to: people({ dead: 4.5 }),
          }),
        ],
      },
    ],
    guilty: [
      {
        name: 'quiet-at-night',
        says: 'The password of someone who hardly ever writes is stolen. 430 mails go out before dawn.',
        flows: [
          sends({
            by: login('gerda@dorfpost.example', '198.51.100.62'),
            at: '08:00',
            over: 12 * HOUR,
            mails: 3,
            to: people(),
          }),
          sends({
            by: login('gerda@dorfpost.example', '249.77.3.40'),
            at: '1+02:40',
            over: 50 * MINUTE,
            mails: 430,
            to: people({ dead: 28 }),
          }),
        ],
        block: ['user:gerda@dorfpost.example'],
      },
    ],
  },
  {
    name: 'good and bad mail',
    innocent: [
      {
        name: 'shared-by-two',
        says: 'A manager and an assistant share one account, in two offices. 5 % of 240 addresses are mistyped.',
        flows: [
          sends({
            by: login('leitung@stiftung.example', '198.51.100.71', '203.0.113.71'),
            at: '08:30',
            over: 8 * HOUR,
            mails: 240,
            to: people({ gone: 3, dead: 2 }),
          }),
        ],
      },
    ],
    guilty: [
      {
        name: 'owner-still-writes',
        says: "A thief sends from an account while its owner's honest mail goes on.",
        flows: [
          sends({
            by: login('redaktion@stiftung.example', '198.51.100.72'),
            at: '08:30',
            over: 8 * HOUR,
            mails: 170,
            to: people({ gone: 1 }),
          }),
          sends({
            by: login('redaktion@stiftung.example', '245.60.2.7'),
            at: '13:20',
            over: 45 * MINUTE,
            mails: 520,
            to: DEAD_QUARTER,
          }),
        ],
        block: ['user:redaktion@stiftung.example'],
      },
    ],
  },
  {
    name: 'several at once',
    innocent: [
      {
        name: 'three-newsletters',
        says: 'Three clubs send their newsletters in the same hour, each to 1,950 people with 3 % dead addresses.',
        flows: [
          newsletter('info@imker.example', '198.51.100.81', '17:00'),
          newsletter('info@schachclub.example', '198.51.100.82', '17:10'),
          newsletter('info@wanderverein.example', '198.51.100.83', '17:15'),
        ],
      },
    ],
    guilty: [
      {
        name: 'three-thieves',
        says: 'Three stolen accounts work at the same time, beside a newsletter.',
        flows: [
          thief('lager@spedition.example', '248.2.2.2', '16:00'),
          thief('anke@spedition.example', '241.9.1.77', '16:05'),
          thief('zoll@spedition.example', '250.31.8.3', '16:20'),
          newsletter('info@imker.example', '198.51.100.81', '16:00'),
        ],
        block: [
          'user:lager@spedition.example',
          'user:anke@spedition.example',
          'user:zoll@spedition.example',
        ],
      },
    ],
  },
  {
    name: 'spellings of a login',
    innocent: [
      {
        name: 'namesakes',
        says: 'Two people of the same name in two domains each meet 65 dead addresses. Neither reaches the limit.',
        flows: [
          half('marta@werft.example', '198.51.100.101', '09:00'),
          half('marta@reederei.example', '198.51.100.102', '09:05'),
        ],
      },
    ],
    guilty: [
      {
        name: 'upper-and-lower-case',
        says: 'A thief writes one login in two ways. Each spelling meets 65 dead addresses.',
        flows: [
          half('Ilse.Brandt@Werft.example', '243.15.6.1', '10:00'),
          half('ilse.brandt@werft.example', '243.15.6.1', '10:05'),
        ],
        block: ['user:ilse.brandt@werft.example'],
      },
      {
        name: 'with-and-without-domain',
        says: 'A thief logs in with and without the domain. Each spelling meets 65 dead addresses.',
        flows: [
          half('jonas', '243.15.6.2', '11:00'),
          half('jonas@werft.example', '243.15.6.2', '11:05'),
        ],
        settings: { logins: { defaultDomain: 'werft.example' } },
        block: ['user:jonas@werft.example|user:jonas'],
      },
    ],
  },
  {
    name: 'beyond reach',
    innocent: [
      {
        name: 'busy-secretary',
        says: 'A secretary answers 300 mails in a day and mistypes a few addresses.',
        flows: [
          sends({
            by: login('empfang@praxisklinik.example', '198.51.100.120'),
            at: '08:00',
            over: 9 * HOUR,
            mails: 300,
            to: people({ gone: 1, dead: 2 }),
          }),
        ],
      },
    ],
    guilty: [
      {
        name: 'thinned-with-good',
        says: 'A thief mixes thirteen good addresses with each dead one.',
        flows: [
          sends({
            by: login('archiv@praxisklinik.example', '251.4.4.9'),
            at: '01:00',
            over: 50 * MINUTE,
            mails: 250,
            each: 8,
            to: people({ dead: 7 }),
          }),
        ],
        block: ['user:archiv@praxisklinik.example'],
        observe: ['user:archiv@praxisklinik.example'],
        missed:
          'The share of dead addresses is that of a neglected newsletter. Postern only observes the volume.',
      },
      {
        name: 'good-addresses-only',
        says: 'A thief sends 400 mails to addresses that exist, from one machine.',
        flows: [
          sends({
            by: login('labor@praxisklinik.example', '251.4.4.10'),
            at: '01:00',
            over: 50 * MINUTE,
            mails: 400,
            to: people(),
          }),
        ],
        block: ['user:labor@praxisklinik.example'],
        missed: 'Nothing in the log distinguishes this mail from that of the owner.',
      },
      {
        name: 'few-and-slow',
        says: 'A stolen account sends 14 mails an hour for a day, 30 % of them to dead addresses.',
        flows: [
          sends({
            by: login('kueche@praxisklinik.example', ...series(9, (n) => `252.${n}.9.9`)),
            at: '00:30',
            over: 22 * HOUR,
            mails: 310,
            to: people({ dead: 30 }),
          }),
        ],
        block: ['user:kueche@praxisklinik.example'],
        observe: ['user:kueche@praxisklinik.example'],
        missed:
          'A hundred dead addresses in a day are less than any limit that blocks. The share is observed.',
      },
      {
        name: 'between-the-limits',
        says: 'A stolen account meets 85 dead addresses an hour for three hours, a quarter of its recipients.',
        flows: [
          sends({
            by: login('labor@praxisklinik.example', '252.77.9.9'),
            at: '19:10',
            over: 3 * HOUR,
            mails: 1020,
            to: people({ dead: 25 }),
          }),
        ],
        block: ['user:labor@praxisklinik.example'],
        observe: ['user:labor@praxisklinik.example'],
        missed:
          "255 dead addresses in three hours are less than the hour's limit and the day's. The share is observed.",
      },
      {
        name: 'refused-behind-the-smarthost',
        says: 'All mail goes through a provider that accepts everything. Its DSNs come back as mail from outside.',
        flows: [
          sends({
            by: login('buero@praxisklinik.example', '251.4.4.11'),
            at: '01:00',
            over: 40 * MINUTE,
            mails: 480,
            to: people({ at: [smarthost('irgendwo.example')] }),
          }),
          sends({
            by: stranger('203.0.113.66', 'smarthost.carrier.example'),
            senders: [''],
            at: '01:02',
            over: 40 * MINUTE,
            mails: 140,
            to: people({ at: [ownMailboxes('praxisklinik.example', 'lmtp')] }),
          }),
        ],
        block: ['user:buero@praxisklinik.example'],
        missed:
          'The refusals are in the log of the provider. Postern does not read the DSNs that come back.',
      },
    ],
  },
];
