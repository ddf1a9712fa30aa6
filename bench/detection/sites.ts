/**
 * The destinations of the stories: a few large providers, many small servers, and our own delivery agents. Each server is
 * in a network of its own, in 240.0.0.0/4, which is nobody's.
 */
import {
  accepts,
  BIG_MAIL,
  CARRIER,
  EXCHANGE,
  EXIM,
  FREE_MAIL,
  finds,
  PENGUIN,
  PORTAL,
  POSTFIX,
  refuses,
} from './dialects.ts';
import type { Dialect, Site } from './story.ts';

function provider(domain: string, host: string, last: number, dialect: Dialect): Site {
  return { domain, host, address: `254.${last}.7.${last}`, agent: 'smtp', dialect };
}

export const BIGMAIL = provider('bigmail.example', 'in3.l.bigmail.example', 26, BIG_MAIL);
export const LIVEBOX = provider('livebox.example', 'eur.olc.livebox.example', 60, EXCHANGE);
const FREEBOX = provider('freebox.example', 'mta4.am0.freebox.example', 84, FREE_MAIL);
const PORTAL_SITE = provider('portal.example', 'mx01.emig.portal.example', 17, PORTAL);
const CARRIER_SITE = provider('carrier.example', 'smtp-in.carrier.example', 66, CARRIER);
/** Its throttle says 550. */
export const PENGUIN_SITE = provider('penguin.example', 'mx2.penguin.example', 248, PENGUIN);

/** The large providers. */
export const BIG: readonly Site[] = [BIGMAIL, LIVEBOX, FREEBOX, PORTAL_SITE, CARRIER_SITE];

const SOFTWARE: readonly Dialect[] = [POSTFIX, EXIM, EXCHANGE, POSTFIX];

/** Firms, schools and clubs with a server of their own. */
export const SMALL: readonly Site[] = Array.from({ length: 240 }, (_, n) => ({
  domain: `ort${n + 11}.example`,
  host: `mx${n % 2}.ort${n + 11}.example`,
  address: `253.${n}.12.25`,
  agent: 'smtp',
  dialect: SOFTWARE[n % SOFTWARE.length] as Dialect,
}));

/** As an ordinary address book is: nearly half of it at the large providers. */
export const MIXED: readonly Site[] = [...SMALL, ...BIG.flatMap((site) => Array(40).fill(site))];

const EXCHANGE_HUB: Dialect = {
  ...EXCHANGE,
  dead: () => refuses('RCPT', '550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found'),
};

/** A mail server of ours behind this one, for which this one is the backup. */
export function primary(domain: string): Site {
  const host = `primary.${domain}`;
  return { domain, host, address: '198.51.100.3', agent: 'relay', dialect: POSTFIX };
}

/** A provider through which all our mail goes; it answers for the destinations. */
export function smarthost(domain: string): Site {
  const host = 'smarthost.carrier.example';
  return { domain, host, address: '203.0.113.66', agent: 'smtp', dialect: POSTFIX };
}

/** A server inside that has mailboxes of ours, which SMTP leads to. */
export function inside(domain: string): Site {
  return {
    ...{ domain, host: `hub.${domain}`, address: '10.1.1.5' },
    ...{ agent: 'smtp', dialect: EXCHANGE_HUB },
  };
}

/** Our own mailboxes, by the agent that delivers to them. */
export function ownMailboxes(domain: string, agent: 'lmtp' | 'virtual' | 'local' | 'pipe'): Site {
  return { domain, host: `post.${domain}`, address: '', agent, dialect: OWN[agent] };
}

const TRANSIENT = finds('deferred', '4.3.0', 'temporary failure');

function ownDialect(sent: string, dead: Dialect['dead'], full: string): Dialect {
  const overQuota = finds('bounced', '5.2.2', full);
  return {
    sent: () => finds('sent', '2.0.0', sent),
    dead,
    grey: () => TRANSIENT,
    busy: () => TRANSIENT,
    full: () => overQuota,
    spam: () => overQuota,
  };
}

const OWN = {
  lmtp: {
    ...ownDialect('', () => TRANSIENT, 'Quota exceeded'),
    sent: (token: string) => accepts(`250 2.0.0 <owner> ${token} Saved`),
    dead: (to: string) => refuses('RCPT', `550 5.1.1 <${to}> User doesn't exist: ${to}`),
  },
  virtual: ownDialect(
    'delivered to maildir',
    (to) => finds('bounced', '5.1.1', `unknown user: "${to}"`),
    'maildir delivery failed: Quota exceeded',
  ),
  local: ownDialect(
    'delivered to mailbox',
    (to) => finds('bounced', '5.1.1', `unknown user: "${to.slice(0, to.indexOf('@'))}"`),
    'mailbox is over quota',
  ),
  pipe: ownDialect(
    'delivered via dovecot service',
    () => finds('bounced', '5.1.1', 'user unknown'),
    'Quota exceeded',
  ),
} satisfies Record<string, Dialect>;
