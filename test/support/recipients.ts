/** Verifiers for tests: options with short times, a clock that stands, a store in memory. */
import { type Log, silentLog } from '../../src/base/log.ts';
import type { RecipientOptions } from '../../src/recipients/options.ts';
import type { RecipientContext } from '../../src/recipients/verdict.ts';
import { Verifier, type VerifierParts } from '../../src/recipients/verifier.ts';
import { openRecipientStore, type RecipientStore } from '../../src/store/recipients.ts';

/** 2026-11-29T12:00:00Z */
export const NOON = Date.UTC(2026, 10, 29, 12);

/** A stranger's SMTP client. */
export const STRANGER: RecipientContext = {
  client: '198.51.100.7',
  daemon: 'MTA',
  authenticated: false,
  local: false,
};

/** A clock that you set. */
export class HandClock {
  time = NOON;
  now(): number {
    return this.time;
  }
}

export type Changes = {
  readonly [Key in keyof RecipientOptions]?: RecipientOptions[Key] extends readonly unknown[]
    ? RecipientOptions[Key]
    : RecipientOptions[Key] extends object
      ? Partial<RecipientOptions[Key]>
      : RecipientOptions[Key];
};

/** Short time-outs, so that tests of silence are quick; everything else as in the configuration. */
export function recipientOptions(changes: Changes = {}): RecipientOptions {
  const { callout, skip, cache, attack, texts, ...rest } = changes;
  return {
    mode: 'enforce',
    domains: [],
    tables: [],
    postmap: ['postmap'],
    extension: '',
    whenUnknown: 'accept',
    budget: 4000,
    ...rest,
    callout: {
      helo: 'mx.example.org',
      greeting: 'EHLO',
      sender: '',
      starttls: true,
      preferIpVersion: 0,
      connectTimeout: 2000,
      replyTimeout: 1500,
      perServer: 5,
      inAll: 20,
      backoff: 60_000,
      ...callout,
    },
    skip: {
      clients: ['127.0.0.1', '::1'],
      daemons: ['MSA'],
      authenticated: true,
      local: true,
      domains: [],
      addresses: [],
      ...skip,
    },
    cache: { valid: 86_400_000, invalid: 3_000_000, most: 1000, mostInMemory: 1000, ...cache },
    attack: { perConnection: 20, perClient: 100, window: 3_600_000, reply: 421, ...attack },
    texts: { invalid: 'User unknown', unknown: 'Try again later', attack: 'Too many', ...texts },
  };
}

/** Options that ask these loopback ports for example.net, in this order. */
export function askPorts(...ports: readonly number[]): RecipientOptions['domains'] {
  const servers = ports.map((port) => ({ host: '127.0.0.1', port, mx: false }));
  return [
    {
      domain: 'example.net',
      role: 'primary',
      subdomains: false,
      source: { kind: 'callout', servers },
    },
  ];
}

export interface TestVerifier {
  readonly verifier: Verifier;
  readonly clock: HandClock;
  readonly store: RecipientStore;
  /** messages that were logged, with their data */
  readonly logged: readonly { readonly message: string; readonly data: object }[];
}

export function makeVerifier(
  changes: Changes,
  parts: Partial<VerifierParts> & { readonly store?: RecipientStore } = {},
): TestVerifier {
  const clock = new HandClock();
  const options = recipientOptions(changes);
  const store = parts.store ?? openRecipientStore(':memory:', options.cache.most).store;
  const { log, logged } = recordLog();
  const verifier = new Verifier(options, { clock, log, ...parts, store });
  return { verifier, clock, store, logged };
}

/** A log that a test can look at. */
export function recordLog() {
  const logged: { message: string; data: object }[] = [];
  const record = (data: object, message: string) => {
    logged.push({ message, data });
  };
  const log = { ...silentLog, debug: record, info: record, warn: record, error: record } as Log;
  return { log, logged };
}
