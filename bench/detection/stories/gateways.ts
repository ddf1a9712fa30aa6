/** Many people behind one key: webmail without logins, containers, one local account for all web sites. */
import { always, people, person } from '../audience.ts';
import { account, relay, sends, series } from '../cast.ts';
import { BIGMAIL } from '../sites.ts';
import { HOUR, MINUTE, type Pair, type Sending, type Submitter } from '../story.ts';

const WEBMAIL = relay('10.31.0.40', 'webmail.kreis.example');
const LIST_SERVER = relay('10.31.0.44', 'listen.kreis.example');
const CONTAINER = relay('172.19.0.6', 'apps.stack_default');
const FORM_HOST = relay('10.60.0.8', 'www.stadtwerk.example');
const LOOPBACK = relay('127.0.0.1', 'localhost');
const LOOPBACK_V6 = relay('::1', 'localhost');
const GONE = person('wartung.alt', BIGMAIL, BIGMAIL.dialect.dead('wartung.alt@bigmail.example'));
const WEB = account(33, 'www-data');

const TEACHERS = series(60, (n) => `lehrer${n}@kreis.example`);
const APPS = ['git', 'wiki', 'wolke', 'umfrage', 'kasse', 'tickets'].map(
  (app) => `${app}@apps.example`,
);
const SITES = series(14, (n) => `wordpress@seite${n}.example`);
const STRANGE = series(220, (n) => `promo${n * 3}@kreis.example`);
const VISITORS = series(170, (n) => `besucher${n}@ort${n % 90}.example`);

/** Honest people at a gateway; 3 % of their recipients are dead. */
function honest(by: Submitter, senders: readonly string[], mails: number): Sending {
  return sends({
    by,
    senders,
    at: '09:00',
    over: 55 * MINUTE,
    mails,
    each: 4,
    to: people({ dead: 3 }),
  });
}

function bad(by: Submitter, senders: readonly string[], mails = 420): Sending {
  return sends({ by, senders, at: '09:10', over: 40 * MINUTE, mails, to: people({ dead: 34 }) });
}

/** A form that anybody can fill in: every seventh address is dead. */
function form(by: Submitter): Sending {
  return sends({
    by,
    senders: VISITORS,
    at: '13:00',
    over: 50 * MINUTE,
    mails: 880,
    to: people({ dead: 10, gone: 5 }),
  });
}

export const GATEWAYS: readonly Pair[] = [
  {
    name: 'webmail without logins',
    on: ['postfix', 'exim'],
    innocent: [
      {
        name: 'teachers-by-webmail',
        says: 'Sixty teachers write to 3,600 people through one webmail host. 3 % of the addresses are dead.',
        flows: [honest(WEBMAIL, TEACHERS, 900)],
      },
    ],
    guilty: [
      {
        name: 'one-thief-by-webmail',
        says: 'One mailbox behind that host is stolen; sixty teachers go on writing.',
        flows: [honest(WEBMAIL, TEACHERS, 200), bad(WEBMAIL, ['mensa@kreis.example'])],
        block: ['sender:mensa@kreis.example'],
      },
      {
        name: 'night-thief-by-webmail',
        says: 'Sixty teachers write all day. At night, when nobody else writes, a stolen mailbox sends.',
        flows: [
          sends({
            by: WEBMAIL,
            senders: TEACHERS,
            at: '07:00',
            over: 11 * HOUR,
            mails: 260,
            to: people({ dead: 3 }),
          }),
          sends({
            by: WEBMAIL,
            senders: ['hausmeister@kreis.example'],
            at: '23:10',
            over: 35 * MINUTE,
            mails: 380,
            to: people({ dead: 38 }),
          }),
        ],
        block: ['sender:hausmeister@kreis.example'],
      },
      {
        name: 'newsletter-and-thief-by-webmail',
        says: 'A stolen mailbox behind that host, beside a newsletter that has as many dead addresses, but 4 %.',
        flows: [
          honest(WEBMAIL, TEACHERS, 60),
          sends({
            by: WEBMAIL,
            senders: ['elternbrief@kreis.example'],
            at: '09:05',
            over: 20 * MINUTE,
            mails: 34,
            each: 50,
            to: people({ dead: 4 }),
          }),
          bad(WEBMAIL, ['turnhalle@kreis.example']),
        ],
        block: ['sender:turnhalle@kreis.example'],
      },
      {
        name: 'many-thieves-by-webmail',
        says: 'That host itself is taken over and sends with 220 different senders.',
        flows: [honest(WEBMAIL, TEACHERS, 50), bad(WEBMAIL, STRANGE, 700)],
        block: ['client:10.31.0.40'],
      },
    ],
  },
  {
    name: 'container',
    innocent: [
      {
        name: 'applications-in-a-container',
        says: 'Six applications behind one container send notices to 2,900 people; 4 % of the addresses are dead.',
        flows: [
          sends({
            by: CONTAINER,
            senders: APPS,
            at: '06:00',
            over: 55 * MINUTE,
            mails: 725,
            each: 4,
            to: people({ dead: 4 }),
          }),
        ],
      },
    ],
    guilty: [
      {
        name: 'one-application-abused',
        says: 'The sign-up page of one application is abused; the other five go on.',
        flows: [honest(CONTAINER, APPS.slice(1), 125), bad(CONTAINER, ['git@apps.example'])],
        block: ['sender:git@apps.example'],
      },
    ],
  },
  {
    name: 'return paths of one recipient each',
    on: ['postfix', 'exim'],
    innocent: [
      {
        name: 'list-server-with-verp',
        says: 'A list server inside gives each of 2,900 mails a return path of its own (VERP); 4 % of the members are dead.',
        flows: [
          sends({
            by: LIST_SERVER,
            senders: series(2900, (n) => `singen-bounces+${n}=mitglied@listen.example`),
            at: '17:00',
            over: 50 * MINUTE,
            mails: 2900,
            to: people({ dead: 4, grey: 20 }),
          }),
        ],
      },
    ],
    guilty: [
      {
        name: 'bought-list-with-verp',
        says: 'A bought list is loaded into that list server.',
        flows: [
          sends({
            by: LIST_SERVER,
            senders: series(900, (n) => `aktion-bounces+${n}=kunde@listen.example`),
            at: '17:00',
            over: 50 * MINUTE,
            mails: 900,
            to: people({ dead: 21, grey: 20 }),
          }),
        ],
        block: ['client:10.31.0.44'],
      },
    ],
  },
  {
    name: 'one account for all web sites',
    on: ['postfix', 'exim'],
    innocent: [
      {
        name: 'fourteen-sites',
        says: 'Fourteen web sites send as www-data; 3 % of the addresses are dead.',
        flows: [honest(WEB, SITES, 850)],
      },
    ],
    guilty: [
      {
        name: 'one-site-hacked',
        says: 'One of the fourteen sites is hacked.',
        flows: [honest(WEB, SITES.slice(1), 125), bad(WEB, ['wordpress@blumen.example'])],
        block: ['sender:wordpress@blumen.example'],
      },
      {
        name: 'one-site-hacked-at-night',
        says: 'One site is hacked and sends at night. The others send a few mails in a day.',
        flows: [
          sends({
            by: WEB,
            senders: SITES,
            at: '00:00',
            over: 22 * HOUR,
            mails: 56,
            to: people({ dead: 3 }),
          }),
          sends({
            by: WEB,
            senders: ['wordpress@blumen.example'],
            at: '22:20',
            over: 30 * MINUTE,
            mails: 400,
            to: people({ dead: 36 }),
          }),
        ],
        block: ['sender:wordpress@blumen.example'],
      },
      {
        name: 'sites-forge-senders',
        says: 'A hacked site sends with 220 different senders.',
        flows: [honest(WEB, SITES, 50), bad(WEB, STRANGE, 600)],
        block: ['uid:33|uid:www-data'],
      },
    ],
  },
  {
    name: 'web form',
    on: ['postfix', 'exim'],
    innocent: [
      {
        name: 'form-on-this-machine',
        says: 'A form on the mail server itself confirms to whatever address is filled in. 15 % do not exist.',
        flows: [form(LOOPBACK)],
        observe: ['client:127.0.0.1'],
      },
      {
        name: 'form-by-ipv6-loopback',
        says: 'The same by ::1.',
        flows: [form(LOOPBACK_V6)],
        observe: ['client:::1'],
      },
    ],
    guilty: [
      {
        name: 'form-on-another-machine',
        says: 'The same form on a web server inside.',
        flows: [form(FORM_HOST)],
        block: ['client:10.60.0.8'],
      },
    ],
  },
  {
    name: 'local accounts',
    innocent: [
      {
        name: 'cron-and-one-dead-address',
        says: 'A script mails one dead address each minute, for a day. A mailing list with 4 % dead members goes out.',
        flows: [
          sends({
            by: account(1004, 'messwerte'),
            at: '00:00',
            over: 23 * HOUR,
            mails: 1380,
            to: always(GONE),
          }),
          sends({
            by: account(38, 'list'),
            senders: ['forum-bounces@listen.example'],
            at: '11:00',
            over: 50 * MINUTE,
            mails: 480,
            each: 5,
            to: people({ dead: 4 }),
          }),
        ],
      },
    ],
    guilty: [
      {
        name: 'script-with-a-list',
        says: 'A script of a local account sends to a bought list.',
        flows: [
          sends({
            by: account(1017, 'webshop'),
            senders: ['shop@moebelhof.example'],
            at: '04:00',
            over: 50 * MINUTE,
            mails: 560,
            to: people({ dead: 23 }),
          }),
        ],
        block: ['uid:1017|sender:shop@moebelhof.example'],
      },
    ],
  },
];
