/** Our own mailboxes that our own delivery does not find, beside the same volume to foreign dead addresses. */
import { people } from '../audience.ts';
import { login, relay, sends } from '../cast.ts';
import { inside, MIXED, ownMailboxes, smarthost } from '../sites.ts';
import { MINUTE, type Pair, type Sending, type Site, type Submitter } from '../story.ts';

type Agent = Parameters<typeof ownMailboxes>[1];

const HUB = inside('verwaltung.example');
const CLOCK = relay('10.8.0.77', 'zeiterfassung.intern');

/** A letter to 320 colleagues; most of their mailboxes are not found. */
function announces(by: Submitter, agent: Agent): Sending {
  return announcesTo(by, ownMailboxes('verwaltung.example', agent));
}

/** The same by SMTP, to a server inside. */
function announcesTo(by: Submitter, site: Site): Sending {
  const to = people({ dead: 72, at: [site] });
  return sends({ by, at: '08:40', over: 30 * MINUTE, mails: 40, each: 8, to });
}

/** The server inside passes mail on for all domains. */
function spamsThroughHub(): Sending {
  const to = people({ dead: 30, at: [{ ...smarthost('irgendwo.example'), address: HUB.address }] });
  return sends({ by: colleague('mensa'), at: '08:50', over: 30 * MINUTE, mails: 420, to });
}

/** The same volume, to foreign addresses. */
function spams(by: Submitter): Sending {
  const to = people({ dead: 72, at: MIXED });
  return sends({ by, at: '08:40', over: 30 * MINUTE, mails: 40, each: 8, to });
}

function colleague(name: string): Submitter {
  return login(`${name}@verwaltung.example`, '198.51.100.150');
}

export const MAILBOXES: readonly Pair[] = [
  {
    name: 'lost mailboxes',
    on: ['postfix', 'exim'],
    innocent: [
      {
        name: 'ldap-broken',
        says: 'A directory is broken, so LMTP does not find 230 of 320 colleagues.',
        flows: [announces(colleague('personalrat'), 'lmtp')],
      },
      {
        name: 'pipe-to-dovecot-fails',
        says: 'The pipe to Dovecot does not find them. A person and a machine inside write to them.',
        flows: [announces(colleague('kantine'), 'pipe'), announces(CLOCK, 'pipe')],
      },
    ],
    guilty: [
      {
        name: 'same-volume-abroad',
        says: 'As many dead addresses in as many mails, but foreign ones.',
        flows: [spams(colleague('poststelle'))],
        block: ['user:poststelle@verwaltung.example'],
      },
    ],
  },
  {
    name: 'lost local parts',
    on: ['postfix', 'exim'],
    innocent: [
      {
        name: 'virtual-table-lost',
        says: 'After an update 230 of 320 colleagues are in no table of virtual mailboxes.',
        flows: [announces(colleague('betrieb'), 'virtual')],
      },
      {
        name: 'half-migrated',
        says: 'In the middle of a migration 230 of 320 colleagues have no local account.',
        flows: [announces(colleague('umzug'), 'local')],
      },
    ],
    guilty: [
      {
        name: 'migration-and-thief',
        says: 'A thief uses the days of a migration: mail abroad from an account whose colleagues are not found either.',
        flows: [announces(colleague('registratur'), 'virtual'), spams(colleague('registratur'))],
        block: ['user:registratur@verwaltung.example'],
      },
    ],
  },
  {
    name: 'mailboxes on a server inside',
    on: ['postfix', 'exim'],
    innocent: [
      {
        name: 'moved-to-the-hub',
        says: 'The mailboxes have moved to a server inside, which does not know 230 of 320 colleagues yet.',
        flows: [announcesTo(colleague('kanzler'), HUB), announcesTo(CLOCK, HUB)],
      },
    ],
    guilty: [
      {
        name: 'thief-through-the-hub',
        says: 'All mail goes through that server inside. A stolen account sends to foreign dead addresses.',
        flows: [announcesTo(colleague('mensa'), HUB), spamsThroughHub()],
        block: ['user:mensa@verwaltung.example'],
      },
    ],
  },
];
