/** One login from many addresses: phones, proxies and offices, and botnets that share a password. */
import {
  inOneSlash16,
  inOneSlash24,
  inOneSlash64,
  ofABotnet,
  ofABotnetV6,
  ofAPrivacyRelay,
  ofOneCarrier,
} from '../addresses.ts';
import { people } from '../audience.ts';
import { login, sends, series } from '../cast.ts';
import { HOUR, type Pair, type Sending } from '../story.ts';

/** One mail from each of the addresses within a day; all are delivered. */
function fromEach(user: string, addresses: readonly string[]): Sending {
  const by = login(user, ...addresses);
  return sends({ by, at: '00:30', over: 22 * HOUR, mails: addresses.length, to: people() });
}

export const NETWORKS: readonly Pair[] = [
  {
    name: 'many IPv6 addresses',
    innocent: [
      {
        name: 'privacy-addresses',
        says: 'A laptop takes 160 temporary addresses of one /64 in a day.',
        flows: [fromEach('kora@wohnen.example', inOneSlash64(160))],
      },
    ],
    guilty: [
      {
        name: 'botnet-of-ipv6',
        says: 'A password is used by 150 machines, each in an IPv6 network of its own.',
        flows: [fromEach('lasse@wohnen.example', ofABotnetV6(150))],
        block: ['user:lasse@wohnen.example'],
      },
    ],
  },
  {
    name: 'cloud proxy',
    innocent: [
      {
        name: 'mail-app-in-the-cloud',
        says: 'A mail app fetches and sends through 130 servers of one provider.',
        flows: [fromEach('nele@wohnen.example', inOneSlash16(130))],
      },
      {
        name: 'privacy-relay',
        says: 'A tablet hides behind a privacy relay: 220 addresses of IPv4 and IPv6, at three companies, in a day.',
        flows: [fromEach('jette@wohnen.example', ofAPrivacyRelay(220))],
      },
    ],
    guilty: [
      {
        name: 'botnet-of-ipv4',
        says: 'A password is used by 140 machines all over the world, two mails each. All are delivered.',
        flows: [
          fromEach('arne@wohnen.example', ofABotnet(140)),
          sends({
            by: login('arne@wohnen.example', ...ofABotnet(140)),
            at: '05:00',
            over: 12 * HOUR,
            mails: 140,
            to: people(),
          }),
        ],
        block: ['user:arne@wohnen.example'],
      },
    ],
  },
  {
    name: "carrier's NAT",
    innocent: [
      {
        name: 'phone-behind-nat',
        says: "A phone leaves its carrier's NAT by 145 addresses of three networks, and uses a home and an office.",
        flows: [
          fromEach('silke@wohnen.example', ofOneCarrier(145)),
          fromEach('silke@wohnen.example', [
            '198.51.100.201',
            '203.0.113.201',
            ...inOneSlash64(20),
          ]),
        ],
      },
    ],
    guilty: [
      {
        name: 'botnet-beside-the-owner',
        says: "The owner's phone goes on behind that NAT, while 130 machines use the password.",
        flows: [
          fromEach('ralf@wohnen.example', ofOneCarrier(60)),
          fromEach('ralf@wohnen.example', ofABotnet(130)),
        ],
        block: ['user:ralf@wohnen.example'],
      },
    ],
  },
  {
    name: 'shop of many machines',
    innocent: [
      {
        name: 'machines-of-one-office',
        says: 'A shop sends from 200 addresses of one /24. A family of ten shares a login from 12 networks on a journey.',
        flows: [
          fromEach('versand@teehaus.example', inOneSlash24(200)),
          fromEach('familie@teehaus.example', ofABotnet(12)),
        ],
      },
    ],
    guilty: [
      {
        name: 'shop-password-in-a-botnet',
        says: "The shop's password is used by 150 strange machines, while its own go on.",
        flows: [
          fromEach('rechnung@teehaus.example', inOneSlash24(100)),
          fromEach('rechnung@teehaus.example', ofABotnet(150)),
        ],
        block: ['user:rechnung@teehaus.example'],
      },
      {
        name: 'botnet-with-a-bad-list',
        says: 'A botnet of 60 machines works through a bought list with one password.',
        flows: [
          sends({
            by: login('einkauf@teehaus.example', ...ofABotnet(60)),
            at: '19:00',
            over: HOUR,
            mails: 480,
            to: people({ dead: 26 }),
          }),
          ...series(2, String).map((n) =>
            fromEach(`teehaus${n}@teehaus.example`, inOneSlash24(20)),
          ),
        ],
        block: ['user:einkauf@teehaus.example'],
      },
    ],
  },
];
