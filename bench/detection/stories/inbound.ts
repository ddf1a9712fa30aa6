/** From outside: password guessers, address harvesters, large providers with old address books. */
import { ofABotnet } from '../addresses.ts';
import { people } from '../audience.ts';
import { guesses, login, probes, sends, stranger } from '../cast.ts';
import { HOUR, MINUTE, type Pair } from '../story.ts';

const PROVIDER = stranger('203.0.113.91', 'mail-out4.livebox.example');

export const INBOUND: readonly Pair[] = [
  {
    name: 'password guessing',
    on: ['postfix', 'exim'],
    innocent: [
      {
        name: 'guessing-all-day',
        says: 'Forty machines guess passwords all day without success. A phone has an old password.',
        flows: [
          guesses({ from: ofABotnet(40), at: '00:00', over: 20 * HOUR, tries: 1600 }),
          guesses({ from: ['203.0.113.222'], at: '08:00', over: 50 * MINUTE, tries: 10 }),
        ],
      },
    ],
    guilty: [
      {
        name: 'guessed-at-last',
        says: 'One machine guesses a password and sends spam with it.',
        flows: [
          guesses({ from: ['247.19.8.2'], at: '20:00', over: 50 * MINUTE, tries: 400 }),
          sends({
            by: login('test@werft.example', '247.19.8.2'),
            at: '21:00',
            over: 30 * MINUTE,
            mails: 500,
            to: people({ dead: 24 }),
          }),
        ],
        block: ['user:test@werft.example'],
      },
    ],
  },
  {
    name: 'dictionary attack',
    on: ['postfix', 'exim'],
    innocent: [
      {
        name: 'harvesting-from-outside',
        says: 'A bot tries 600 addresses of ours. A large provider brings honest mail, and some for people who left.',
        flows: [
          probes({
            by: stranger('245.99.1.5'),
            domain: 'werft.example',
            at: '03:00',
            over: HOUR,
            tries: 600,
            hostile: true,
          }),
          probes({ by: PROVIDER, domain: 'werft.example', at: '03:00', over: HOUR, tries: 160 }),
        ],
      },
    ],
    guilty: [
      {
        name: 'harvesting-with-a-login',
        says: 'The same by a stolen login: our own server refuses the recipients at RCPT.',
        flows: [
          probes({
            by: login('lotse@werft.example', '245.99.1.6'),
            domain: 'werft.example',
            at: '03:00',
            over: HOUR,
            tries: 480,
          }),
        ],
        block: ['user:lotse@werft.example'],
      },
    ],
  },
];
