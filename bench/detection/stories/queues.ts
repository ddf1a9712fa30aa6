/** What the log makes difficult: content filters with two queue IDs, IDs that are used again, rotated files. */
import { people } from '../audience.ts';
import { login, sends } from '../cast.ts';
import { MINUTE, type Pair } from '../story.ts';

const LETTER = login('quartett@kammermusik.example', '198.51.100.170');
const STOLEN = login('probe@kammermusik.example', '246.66.1.9');

export const QUEUES: readonly Pair[] = [
  {
    name: 'content filter',
    innocent: [
      {
        name: 'filtered-newsletter',
        says: 'A newsletter with 4 % dead addresses goes through a content filter.',
        filtered: true,
        flows: [
          sends({
            by: LETTER,
            at: '10:00',
            over: 50 * MINUTE,
            mails: 150,
            each: 18,
            to: people({ dead: 4 }),
          }),
        ],
      },
    ],
    guilty: [
      {
        name: 'filtered-thief',
        says: 'A stolen account sends through a content filter.',
        filtered: true,
        flows: [
          sends({
            by: STOLEN,
            at: '10:00',
            over: 40 * MINUTE,
            mails: 240,
            each: 2,
            to: people({ dead: 26 }),
          }),
        ],
        block: ['user:probe@kammermusik.example'],
      },
    ],
  },
  {
    name: 'queue IDs and rotation',
    innocent: [
      {
        name: 'ids-used-again',
        says: 'The same 80 queue IDs serve a newsletter and everybody else, and the log is rotated in between.',
        queueIds: 80,
        rotatedAt: '10:25',
        flows: [
          sends({
            by: LETTER,
            at: '10:00',
            over: 50 * MINUTE,
            mails: 160,
            each: 16,
            to: people({ dead: 4 }),
          }),
        ],
      },
    ],
    guilty: [
      {
        name: 'thief-among-used-ids',
        says: 'A thief shares 80 queue IDs with a newsletter, and the log is rotated in between.',
        queueIds: 80,
        rotatedAt: '10:25',
        flows: [
          sends({
            by: LETTER,
            at: '10:00',
            over: 50 * MINUTE,
            mails: 100,
            each: 16,
            to: people({ dead: 3 }),
          }),
          sends({
            by: STOLEN,
            at: '10:05',
            over: 40 * MINUTE,
            mails: 240,
            each: 2,
            to: people({ dead: 26 }),
          }),
        ],
        block: ['user:probe@kammermusik.example'],
      },
    ],
  },
];
