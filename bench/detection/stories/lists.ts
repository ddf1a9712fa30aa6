/** Newsletters, shops and schools, and the bought lists that look like them. */
import { people } from '../audience.ts';
import { login, sends } from '../cast.ts';
import { BIG, BIGMAIL, LIVEBOX, SMALL } from '../sites.ts';
import { HOUR, MINUTE, type Pair } from '../story.ts';

const CHOIR = login('rundbrief@chorverband.example', '198.51.100.77');
const TREASURER = login('kasse@tanzhaus.example', '203.0.113.131');
const PARISH = login('rundbrief@pfarre.example', '198.51.100.78');
const DANCER = login('auftritt@tanzhaus.example', '203.0.113.132');
const PARTY = login('aktiv@buergerforum.example', '198.51.100.91');
const MUSEUM = login('presse@museum.example', '203.0.113.140');
const PRESS = login('druck@museum.example', '203.0.113.141');
const HONEY = login('bestellung@honigladen.example', '198.51.100.33');
const SCHOOL = login('sekretariat@lyzeum.example', '198.51.100.52');
const PUPIL = login('tom.k@lyzeum.example', '203.0.113.9');
const BAKER = login('filiale3@baecker.example', '203.0.113.18');

export const LISTS: readonly Pair[] = [
  {
    name: 'throttled list',
    innocent: [
      {
        name: 'choir-throttled',
        says: 'A newsletter with 4 % dead addresses. The large providers put nearly all of it off.',
        flows: [
          sends({
            by: CHOIR,
            at: '09:10',
            over: 50 * MINUTE,
            mails: 475,
            each: 4,
            to: people({ at: BIG, dead: 4, busy: 88 }),
          }),
          sends({
            by: CHOIR,
            at: '09:10',
            over: 50 * MINUTE,
            mails: 200,
            each: 4,
            to: people({ at: SMALL, dead: 4, grey: 30 }),
          }),
        ],
      },
      {
        name: 'parish-old-addresses',
        says: 'The large providers put all of a newsletter off. The small ones answer, and have 12 % dead addresses: 4 % of all.',
        flows: [
          sends({
            by: PARISH,
            at: '09:10',
            over: 50 * MINUTE,
            mails: 480,
            each: 4,
            to: people({ at: BIG, busy: 100 }),
          }),
          sends({
            by: PARISH,
            at: '09:10',
            over: 50 * MINUTE,
            mails: 270,
            each: 4,
            to: people({ at: SMALL, dead: 12 }),
          }),
        ],
      },
    ],
    guilty: [
      {
        name: 'list-at-three-providers',
        says: 'A bought list with 20 % dead addresses. The largest provider puts everything off, the next some, many small servers greylist.',
        flows: [
          sends({
            by: DANCER,
            at: '14:05',
            over: 55 * MINUTE,
            mails: 1300,
            to: people({ at: [BIGMAIL], busy: 100 }),
          }),
          sends({
            by: DANCER,
            at: '14:05',
            over: 55 * MINUTE,
            mails: 350,
            to: people({ at: [LIVEBOX], dead: 20, busy: 4 }),
          }),
          sends({
            by: DANCER,
            at: '14:05',
            over: 55 * MINUTE,
            mails: 350,
            to: people({ at: SMALL, dead: 20, grey: 25 }),
          }),
        ],
        block: ['user:auftritt@tanzhaus.example'],
      },
      {
        name: 'list-behind-throttle',
        says: 'A bought list with 20 % dead addresses. Two thirds of it are at one provider that puts everything off.',
        flows: [
          sends({
            by: TREASURER,
            at: '14:05',
            over: 55 * MINUTE,
            mails: 400,
            each: 3,
            to: people({ at: [BIGMAIL], busy: 100 }),
          }),
          sends({
            by: TREASURER,
            at: '14:05',
            over: 55 * MINUTE,
            mails: 640,
            to: people({ at: SMALL, dead: 21 }),
          }),
        ],
        block: ['user:kasse@tanzhaus.example'],
      },
    ],
  },
  {
    name: 'greylisted list',
    on: ['postfix', 'exim'],
    innocent: [
      {
        name: 'party-greylisted',
        says: 'A mailing with 4 % dead addresses. All others are greylisted first, so all dead ones come before the first delivery.',
        flows: [
          sends({
            by: PARTY,
            at: '18:20',
            over: 5 * MINUTE,
            mails: 520,
            each: 5,
            to: people({ grey: 100 }),
          }),
          sends({
            by: PARTY,
            at: '18:20',
            over: 5 * MINUTE,
            mails: 120,
            to: people({ dead: 100 }),
          }),
        ],
      },
    ],
    guilty: [
      {
        name: 'list-greylisted',
        says: 'A bought list with a quarter of dead addresses. All servers greylist, also for the dead ones.',
        flows: [
          sends({
            by: MUSEUM,
            at: '11:45',
            over: 35 * MINUTE,
            mails: 700,
            to: people({ dead: 25, grey: 100 }),
          }),
        ],
        block: ['user:presse@museum.example'],
      },
      {
        name: 'list-dead-at-once',
        says: 'The same list, but the servers refuse dead addresses at once and greylist only the others.',
        flows: [
          sends({
            by: PRESS,
            at: '11:45',
            over: 5 * MINUTE,
            mails: 525,
            to: people({ grey: 100 }),
          }),
          sends({
            by: PRESS,
            at: '11:45',
            over: 5 * MINUTE,
            mails: 175,
            to: people({ dead: 100 }),
          }),
        ],
        block: ['user:druck@museum.example'],
      },
    ],
  },
  {
    name: 'shop',
    innocent: [
      {
        name: 'honey-orders',
        says: 'A busy day of a shop: 2,300 confirmations in an hour, of which customers mistyped 5 %.',
        flows: [
          sends({
            by: HONEY,
            at: '10:00',
            over: HOUR,
            mails: 2300,
            to: people({ gone: 3, dead: 2 }),
          }),
        ],
      },
    ],
    guilty: [
      {
        name: 'baker-at-night',
        says: "A shop's login is stolen and sends 520 mails at night, a quarter of them to nobody.",
        flows: [
          sends({ by: BAKER, at: '09:00', over: 10 * HOUR, mails: 60, to: people({ gone: 2 }) }),
          sends({
            by: login('filiale3@baecker.example', '246.8.20.4'),
            at: '22:40',
            over: 40 * MINUTE,
            mails: 520,
            to: people({ dead: 26 }),
          }),
        ],
        block: ['user:filiale3@baecker.example'],
      },
    ],
  },
  {
    name: 'school',
    on: ['postfix', 'exim'],
    innocent: [
      {
        name: 'letter-to-parents',
        says: 'A school writes to 3,000 parents in ten minutes, 40 in each mail. 4 % of the addresses are dead.',
        flows: [
          sends({
            by: SCHOOL,
            at: '12:05',
            over: 10 * MINUTE,
            mails: 75,
            each: 40,
            to: people({ dead: 4, full: 3, grey: 15 }),
          }),
        ],
      },
    ],
    guilty: [
      {
        name: 'pupil-hacked',
        says: "A pupil's account sends to 480 people in ten minutes, 8 in each mail. 27 % of the addresses are dead.",
        flows: [
          sends({
            by: PUPIL,
            at: '12:35',
            over: 10 * MINUTE,
            mails: 60,
            each: 8,
            to: people({ dead: 27 }),
          }),
        ],
        block: ['user:tom.k@lyzeum.example'],
      },
    ],
  },
];
