/**
 * Stories of several weeks, for rules that measure a key against its own past. They are no part of the contest: other
 * programs look at an hour.
 */
import { people } from '../audience.ts';
import { login, sends, series } from '../cast.ts';
import { BIG, SMALL } from '../sites.ts';
import { type Flow, HOUR, MINUTE, type Submitter, type Tale } from '../story.ts';

const DOCTOR = login('praxis@hautarzt.example', '198.51.100.21');
const SHOP = login('news@weinladen.example', '198.51.100.30');
const TEACHER = login('lehrer@schule.example', '198.51.100.44');
const OTHERS = login('amt@gemeinde.example', '198.51.100.50');
/** The firms that the doctor and the teacher write to. */
const FRIENDS = SMALL.slice(0, 12);

/** A few letters on each of these days. */
function letters(by: Submitter, days: readonly number[], mails = 6): Flow[] {
  const to = people({ at: [...FRIENDS, ...BIG] });
  return days.map((day) => sends({ by, at: `${day}+08:30`, over: 8 * HOUR, mails, to }));
}

function mailing(by: Submitter, day: number, recipients: number, at = '09:00'): Flow {
  const to = people({ dead: 1 });
  const mails = recipients / 10;
  return sends({ by, at: `${day}+${at}`, over: 50 * MINUTE, mails, each: 10, to });
}

const weeks = (days: number) => series(days, String).map(Number);

/** A story, and the rules that notice somebody in it. */
export interface HabitTale extends Tale {
  /** `rule key` of each; nobody else is noticed by any rule */
  readonly noticed: readonly string[];
}

export const HABITS: readonly HabitTale[] = [
  {
    name: 'good-list',
    says: 'A thief sends to 400 people who all exist, from one address elsewhere, below every limit.',
    flows: [
      ...letters(DOCTOR, weeks(14)),
      sends({
        by: login('praxis@hautarzt.example', '203.0.113.77'),
        at: '13+20:10',
        over: 3 * HOUR,
        mails: 80,
        each: 5,
        to: people({ at: SMALL.slice(20) }),
      }),
    ],
    noticed: [
      'usual-networks user:praxis@hautarzt.example',
      'usual-volume user:praxis@hautarzt.example',
    ],
  },
  {
    name: 'forgotten-account',
    says: 'An account that was silent for four weeks sends to 250 people who all exist, from its own network.',
    flows: [
      ...letters(TEACHER, weeks(2)),
      ...letters(OTHERS, weeks(32)),
      sends({
        by: TEACHER,
        at: '31+11:10',
        over: 50 * MINUTE,
        mails: 25,
        each: 10,
        to: people({ at: [...FRIENDS, ...BIG] }),
      }),
    ],
    noticed: ['usual-volume user:lehrer@schule.example'],
  },
  {
    name: 'growing-newsletter',
    says: 'A newsletter that grows by a third each week, from 100 to 420 people.',
    flows: [
      ...letters(SHOP, weeks(36), 2),
      ...[0, 7, 14, 21, 28, 35].map((day, n) =>
        mailing(SHOP, day, 10 * Math.round(10 * 1.33 ** n)),
      ),
    ],
    noticed: [],
  },
  {
    name: 'monday-peaks',
    says: 'A hundred and eighty parents get a letter every Monday, nobody in between.',
    flows: [0, 7, 14, 21].map((day) => mailing(TEACHER, day, 180)),
    noticed: [],
  },
  {
    name: 'holiday-return',
    says: 'A person comes back after four weeks and answers forty letters from home and eighty on the way.',
    flows: [
      ...letters(TEACHER, weeks(4)),
      ...letters(OTHERS, weeks(34)),
      ...letters(login('lehrer@schule.example', '203.0.113.200'), [32], 40),
      ...letters(TEACHER, [33], 80),
    ],
    noticed: [],
  },
  {
    name: 'new-club',
    says: 'A new account writes to 300 people on its third day.',
    flows: [...letters(TEACHER, weeks(3)), mailing(TEACHER, 2, 300, '19:00')],
    noticed: [],
  },
];
