/** What holds when neither the configuration nor scam.conf says otherwise. Durations in ms. */
import { hostname } from 'node:os';
import { DAY, HOUR, MINUTE, SECOND } from '../base/time.ts';
import { DEFAULT_TEXTS } from './answer.ts';
import type { RecipientOptions } from './options.ts';

/** Without domains, nothing is protected. */
export const DEFAULTS = {
  mode: 'enforce',
  domains: [],
  tables: [],
  callout: {
    greeting: 'EHLO',
    sender: '',
    starttls: true,
    preferIpVersion: 0,
    connectTimeout: 2 * SECOND,
    replyTimeout: 3 * SECOND,
    perServer: 10,
    inAll: 100,
    backoff: MINUTE,
  },
  postmap: ['postmap'],
  extension: '',
  skip: {
    clients: ['127.0.0.1', '::1'],
    daemons: ['MSA', 'ORIGINATING'],
    authenticated: true,
    local: true,
    domains: [],
    addresses: [],
  },
  cache: { valid: DAY, invalid: 50 * MINUTE, most: 1_000_000, mostInMemory: 1_000_000 },
  attack: { perConnection: 20, perClient: 100, window: HOUR, reply: 421 },
  whenUnknown: 'accept',
  texts: DEFAULT_TEXTS,
  budget: 8 * SECOND,
} as const satisfies Omit<RecipientOptions, 'callout'> & {
  readonly callout: Omit<RecipientOptions['callout'], 'helo'>;
};

/** The name for EHLO: that of this host, or an address literal if it has no proper name (RFC 5321 4.1.4). */
export function findHeloName(name = hostname()): string {
  return /^[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?$/.test(name) ? name : '[127.0.0.1]';
}
