/** Very much mail, very slow mail, and lists of which little gets through. */
import { people } from '../audience.ts';
import { login, sends } from '../cast.ts';
import { BIG } from '../sites.ts';
import { HOUR, MINUTE, type Pair } from '../story.ts';

const PARTY = login('aktiv@buergerforum.example', '198.51.100.91');
const MUSEUM = login('presse@museum.example', '203.0.113.140');
const ROWERS = login('vorstand@ruderclub.example', '198.51.100.14');
const UNION = login('mitglieder@gewerkschaft.example', '198.51.100.111');
const VET = login('praxis@tierarzt.example', '203.0.113.45');

export const VOLUMES: readonly Pair[] = [
  {
    name: 'very large list',
    innocent: [
      {
        name: 'union-twelve-thousand',
        says: 'A newsletter to 12,000 people with 2.5 % dead addresses, 50 recipients in each mail.',
        flows: [
          sends({
            by: UNION,
            at: '07:00',
            over: 70 * MINUTE,
            mails: 240,
            each: 50,
            to: people({ dead: 2, gone: 0.5, full: 2 }),
          }),
        ],
      },
    ],
    guilty: [
      {
        name: 'list-nine-thousand',
        says: 'A bought list of 9,000 with 17 % dead addresses, 60 recipients in each mail.',
        flows: [
          sends({
            by: VET,
            at: '21:30',
            over: 50 * MINUTE,
            mails: 150,
            each: 60,
            to: people({ dead: 14, gone: 3, spam: 12 }),
          }),
        ],
        block: ['user:praxis@tierarzt.example'],
      },
    ],
  },
  {
    name: 'slow sending',
    innocent: [
      {
        name: 'museum-friends-slowly',
        says: 'A clean list of 15,000 with 3 % dead addresses, sent over 20 hours.',
        flows: [
          sends({
            by: MUSEUM,
            at: '04:00',
            over: 20 * HOUR,
            mails: 500,
            each: 30,
            to: people({ dead: 3 }),
          }),
        ],
      },
    ],
    guilty: [
      {
        name: 'ninety-an-hour',
        says: 'A stolen account sends slowly and steadily: 84 dead addresses an hour, for 20 hours.',
        flows: [
          sends({
            by: ROWERS,
            at: '03:30',
            over: 20 * HOUR,
            mails: 1000,
            each: 6,
            to: people({ dead: 28 }),
          }),
        ],
        block: ['user:vorstand@ruderclub.example'],
      },
    ],
  },
  {
    name: 'full mailboxes',
    innocent: [
      {
        name: 'rowers-full-mailboxes',
        says: 'A club with an old list: a third of the 900 mailboxes are full, 3 % of them are dead.',
        flows: [
          sends({
            by: ROWERS,
            at: '19:00',
            over: 25 * MINUTE,
            mails: 900,
            to: people({ full: 34, dead: 3, at: BIG }),
          }),
        ],
      },
    ],
    guilty: [
      {
        name: 'refused-as-spam',
        says: 'A thief whose mail is mostly refused as spam. Of the others, a third do not exist.',
        flows: [
          sends({
            by: PARTY,
            at: '05:15',
            over: 30 * MINUTE,
            mails: 600,
            to: people({ spam: 45, dead: 22, at: BIG }),
          }),
        ],
        block: ['user:aktiv@buergerforum.example'],
      },
    ],
  },
];
