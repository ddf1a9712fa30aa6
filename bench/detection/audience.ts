/** Whom a story writes to: recipients with their sites, and the shares of those who are dead, full or put off. */
import type { Random } from '../random.ts';
import { finds } from './dialects.ts';
import { MIXED } from './sites.ts';
import type { Addressee, Answer, Audience, Site } from './story.ts';

/** Shares in percent; the rest is delivered. */
export interface Mix {
  /** the mailbox does not exist */
  readonly dead?: number;
  /** the domain does not exist */
  readonly gone?: number;
  /** the server throttles us for the whole story */
  readonly busy?: number;
  readonly full?: number;
  readonly spam?: number;
  /** the server does not answer */
  readonly down?: number;
  /** greylisted first, whatever the final answer is */
  readonly grey?: number;
  /** where the recipients are; default: a few large providers and many small servers */
  readonly at?: readonly Site[];
}

type Fate = 'dead' | 'gone' | 'busy' | 'full' | 'spam' | 'down' | 'sent';

const NAMES =
  'ada bo cleo dora emil fritz greta hilde ingo jutta karl lotte mina nils olga piet'.split(' ');
const TIMEOUT_ATTEMPTS = 4;

/** Different people, of whom the given shares cannot be reached. The shares are exact, and spread evenly. */
export function people(mix: Mix = {}): Audience {
  return (random) => {
    const nextFate = spread(fates(mix));
    const isGrey = spread<boolean>([
      [true, mix.grey ?? 0],
      [false, 100 - (mix.grey ?? 0)],
    ]);
    const tag = random.hex(3).toLowerCase();
    let serial = 0;
    return () => {
      const name = `${random.pick(NAMES)}.${tag}${++serial}`;
      const site = random.pick(mix.at ?? MIXED);
      const addressee = meet(random, name, site, nextFate());
      if (!isGrey()) return addressee;
      return {
        ...addressee,
        answers: [site.dialect.grey(addressee.address), ...addressee.answers],
      };
    };
  };
}

/** The same few people, again and again. */
export function always(...addressees: readonly Addressee[]): Audience {
  return () => {
    let next = 0;
    return () => addressees[next++ % addressees.length] as Addressee;
  };
}

/** One person with the answers that the servers give, one for each attempt. */
export function person(local: string, site: Site, ...answers: readonly Answer[]): Addressee {
  return { address: `${local}@${site.domain}`, site, answers };
}

/** Different people, each with answers of the caller's; `serial` is 1, 2, 3, ... */
export function answered(
  at: readonly Site[],
  answers: (to: string, serial: number) => readonly Answer[],
): Audience {
  return (random) => {
    const tag = random.hex(3).toLowerCase();
    let serial = 0;
    return () => {
      const site = random.pick(at);
      const address = `${random.pick(NAMES)}.${tag}${++serial}@${site.domain}`;
      return { address, site, answers: answers(address, serial) };
    };
  };
}

/** The same people, reached by addresses of ours that are forwarded to them. */
export function forwardedFrom(domain: string, to: Audience): Audience {
  return (random) => {
    const next = to(random);
    return () => {
      const addressee = next();
      const local = addressee.address.slice(0, addressee.address.indexOf('@'));
      return { ...addressee, original: `${local}@${domain}` };
    };
  };
}

function fates(mix: Mix): [Fate, number][] {
  const { dead = 0, gone = 0, busy = 0, full = 0, spam = 0, down = 0 } = mix;
  const rest = 100 - dead - gone - busy - full - spam - down;
  const shares = { sent: rest, dead, gone, busy, full, spam, down };
  return Object.entries(shares) as [Fate, number][];
}

/** Values in turn, so that each has its share (percent) of every stretch. */
function spread<T>(shares: readonly (readonly [T, number])[]): () => T {
  const owed = shares.map(() => 0);
  return () => {
    shares.forEach(([, share], index) => {
      owed[index] = (owed[index] ?? 0) + share;
    });
    const next = owed.indexOf(Math.max(...owed));
    owed[next] = (owed[next] ?? 0) - 100;
    return (shares[next] as readonly [T, number])[0];
  };
}

function meet(random: Random, name: string, site: Site, fate: Fate): Addressee {
  if (fate === 'gone') return inNoDomain(random, name, site);
  const address = `${name}@${site.domain}`;
  return { address, site, answers: answersOf(random, address, site, fate) };
}

function answersOf(
  random: Random,
  address: string,
  { dialect, host, address: ip }: Site,
  fate: Exclude<Fate, 'gone'>,
): readonly Answer[] {
  switch (fate) {
    case 'sent':
      return [dialect.sent(random.hex(10))];
    case 'busy':
      return untilFinal(dialect.busy(address));
    case 'down':
      return untilFinal(
        finds('deferred', '4.4.1', `connect to ${host}[${ip}]:25: Connection timed out`),
      );
    default:
      return [dialect[fate](address)];
  }
}

/** The same answer at each attempt; a final one comes once. */
function untilFinal(answer: Answer): Answer[] {
  return Array(answer.outcome === 'deferred' ? TIMEOUT_ATTEMPTS : 1).fill(answer);
}

/** A mistyped domain. */
function inNoDomain(random: Random, name: string, site: Site): Addressee {
  const domain = `${random.hex(2).toLowerCase()}${site.domain}`.replace('.example', '.invalid');
  const text = `Host or domain name not found. Name service error for name=${domain} type=AAAA: Host not found`;
  return { address: `${name}@${domain}`, site, answers: [finds('bounced', '5.4.4', text)] };
}
