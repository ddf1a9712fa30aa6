/** Machines inside that relay without a login: Exchange servers, filters, printers, and infected ones. */
import { forwardedFrom, people } from '../audience.ts';
import { login, relay, sends, series, stranger } from '../cast.ts';
import { BIGMAIL, MIXED, primary, smarthost } from '../sites.ts';
import { HOUR, MINUTE, type Pair, type Sending } from '../story.ts';

const GROUPWARE = relay('10.20.0.14', 'groupware.rathaus.example');
const FILTER = relay('10.44.3.9', 'spamfilter.klinikum.example');
const PRINTER = relay('10.44.7.31');
const OFFICE = relay('198.51.100.66', 'gw.kanzlei.example');
const STAFF = series(90, (n) => `mitarbeiter${n}@rathaus.example`);
const FORGED = series(150, (n) => `konto${n * 7}@klinikum.example`);
const TRUSTED = { trustedNetworks: ['127.0.0.0/8', '198.51.100.64/28'] };

/** A foreign server's mail to people here, which is forwarded to a provider where most of them are gone. */
function forwards(n: number, mails: number): Sending {
  const by = stranger(`203.0.113.${33 + n}`, `lists${n}.ort7${n}.example`);
  const to = forwardedFrom('altername.example', people({ dead: 70, at: [BIGMAIL] }));
  return sends({ by, senders: [`liste${n}@ort7${n}.example`], at: '08:00', over: HOUR, mails, to });
}

/** A provider's mail for a domain whose backup MX we are; the primary refuses most of it. */
function backup(): Sending {
  const by = stranger('203.0.113.27', 'out7.bigmail.example');
  const senders = series(80, (n) => `gast${n}@bigmail.example`);
  const to = people({ dead: 60, at: [primary('verlag.example')] });
  return sends({ by, senders, at: '06:00', over: 50 * MINUTE, mails: 400, to });
}

export const RELAYS: readonly Pair[] = [
  {
    name: 'out of office',
    on: ['postfix', 'exim'],
    innocent: [
      {
        name: 'holiday-replies',
        says: 'An inside server sends staff mail, and 500 out-of-office replies with the null sender to forged senders.',
        observe: ['client:10.20.0.14'],
        flows: [
          sends({
            by: GROUPWARE,
            senders: STAFF,
            at: '07:30',
            over: 50 * MINUTE,
            mails: 420,
            to: people({ dead: 2 }),
          }),
          sends({
            by: GROUPWARE,
            senders: [''],
            at: '07:30',
            over: 50 * MINUTE,
            mails: 500,
            to: people({ dead: 55, gone: 15 }),
          }),
        ],
      },
    ],
    guilty: [
      {
        name: 'inside-server-infected',
        says: 'The inside server is infected: it sends to a bought list with the addresses of the staff as senders.',
        flows: [
          sends({
            by: GROUPWARE,
            senders: STAFF,
            at: '02:10',
            over: 40 * MINUTE,
            mails: 700,
            to: people({ dead: 24, gone: 4 }),
          }),
          sends({
            by: GROUPWARE,
            senders: [''],
            at: '02:10',
            over: 40 * MINUTE,
            mails: 60,
            to: people({ dead: 20 }),
          }),
        ],
        block: ['client:10.20.0.14'],
      },
    ],
  },
  {
    name: 'DSN flood',
    innocent: [
      {
        name: 'filter-bounces',
        says: 'A spam filter inside sends 900 DSNs to forged senders within half an hour.',
        observe: ['client:10.44.3.9'],
        flows: [
          sends({
            by: FILTER,
            senders: [''],
            at: '15:00',
            over: 30 * MINUTE,
            mails: 900,
            to: people({ dead: 60, gone: 12, grey: 10 }),
          }),
        ],
      },
    ],
    guilty: [
      {
        name: 'printer-infected',
        says: 'A multifunction printer without a password relays spam with 150 forged senders.',
        flows: [
          sends({
            by: FILTER,
            senders: [''],
            at: '15:00',
            over: 30 * MINUTE,
            mails: 200,
            to: people({ dead: 60 }),
          }),
          sends({
            by: PRINTER,
            senders: FORGED,
            at: '15:10',
            over: 25 * MINUTE,
            mails: 480,
            to: people({ dead: 31 }),
          }),
        ],
        block: ['client:10.44.7.31'],
      },
    ],
  },
  {
    name: 'trusted office',
    innocent: [
      {
        name: 'office-mailing',
        says: 'An office whose server may relay through us writes to 1,900 clients; 4 % of the addresses are dead.',
        settings: TRUSTED,
        flows: [
          sends({
            by: OFFICE,
            senders: series(12, (n) => `anwalt${n}@kanzlei.example`),
            at: '10:30',
            over: 45 * MINUTE,
            mails: 475,
            each: 4,
            to: people({ dead: 4, full: 2 }),
          }),
        ],
      },
    ],
    guilty: [
      {
        name: 'office-infected',
        says: 'A machine behind the server of that office is infected and forges 150 senders.',
        settings: TRUSTED,
        flows: [
          sends({
            by: OFFICE,
            senders: FORGED,
            at: '03:00',
            over: 45 * MINUTE,
            mails: 600,
            to: people({ dead: 22 }),
          }),
        ],
        block: ['client:198.51.100.66'],
      },
    ],
  },
  {
    name: 'backup MX',
    innocent: [
      {
        name: 'backup-for-old-users',
        says: 'We are the backup MX of a domain. A provider brings mail for 240 people who left; the primary refuses them.',
        flows: [backup()],
      },
    ],
    guilty: [
      {
        name: 'backup-and-thief',
        says: 'The same beside a stolen account of ours.',
        flows: [
          backup(),
          sends({
            by: login('abo@verlag.example', '244.9.3.3'),
            at: '06:10',
            over: 30 * MINUTE,
            mails: 400,
            to: people({ dead: 33, at: MIXED }),
          }),
        ],
        block: ['user:abo@verlag.example'],
      },
    ],
  },
  {
    name: 'relay host',
    innocent: [
      {
        name: 'all-by-smarthost',
        says: 'All mail goes through one provider, which refuses 4 % of the 2,600 recipients of a newsletter.',
        flows: [
          sends({
            by: login('blatt@heimat.example', '198.51.100.130'),
            at: '09:00',
            over: 50 * MINUTE,
            mails: 130,
            each: 20,
            to: people({ dead: 4.5, at: [smarthost('irgendwo.example')] }),
          }),
        ],
      },
    ],
    guilty: [
      {
        name: 'thief-by-smarthost',
        says: 'A stolen account sends through that provider, which refuses a quarter of its recipients.',
        flows: [
          sends({
            by: login('foto@heimat.example', '241.88.2.4'),
            at: '20:00',
            over: 30 * MINUTE,
            mails: 120,
            each: 5,
            to: people({ dead: 25, at: [smarthost('irgendwo.example')] }),
          }),
        ],
        block: ['user:foto@heimat.example'],
      },
    ],
  },
  {
    name: 'forwarding',
    on: ['postfix', 'exim'],
    innocent: [
      {
        name: 'domain-forwarded',
        says: 'A domain of ours is forwarded to a provider where most of its mailboxes are gone. Foreign servers bring 260 mails.',
        flows: series(4, String).map((n) => forwards(Number(n), 65)),
      },
    ],
    guilty: [
      {
        name: 'forwarding-and-thief',
        says: 'The same beside a stolen account, whose mail goes to the same provider.',
        flows: [
          forwards(0, 130),
          sends({
            by: login('chor@dorfpost.example', '246.40.40.1'),
            at: '08:05',
            over: 45 * MINUTE,
            mails: 450,
            to: people({ dead: 27, at: [BIGMAIL] }),
          }),
        ],
        block: ['user:chor@dorfpost.example'],
      },
    ],
  },
];
