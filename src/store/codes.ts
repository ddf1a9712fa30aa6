/**
 * Words of events as small numbers. An event has six of them; a number is stored in a byte, and bound in a third of the
 * time. Never change a number, nor use it for another word; a new word takes the next number of its list.
 * Reasons and submitters are numbered alphabetically, which is their order in sums that are otherwise equal.
 */
import type { Direction, EventKind, Mta, Reason, SubmitterType } from '../model/event.ts';
import type { Stage } from '../model/record.ts';

/** One list, in both directions. */
interface Codes<Word extends string> {
  readonly numberOf: Readonly<Record<Word, number>>;
  /** by number; undefined for a number without a word */
  readonly words: readonly (Word | undefined)[];
}

export const MTAS = codes<Mta>({ postfix: 1, exim: 2 });

export const KINDS = codes<EventKind>({
  accepted: 1,
  delivered: 2,
  deferred: 3,
  bounced: 4,
  expired: 5,
  rejected: 6,
  held: 7,
  discarded: 8,
  'auth-failed': 9,
  'dsn-sent': 10,
  removed: 11,
  'dsn-received': 12,
  complaint: 13,
  rehearsed: 14,
});

export const REASON_CODES = codes<Reason>({
  auth: 1,
  'invalid-domain': 2,
  'invalid-recipient': 3,
  'mailbox-full': 4,
  network: 5,
  other: 6,
  'rate-limited': 7,
  'relay-denied': 8,
  reputation: 9,
  'spam-or-content': 10,
  'too-big': 11,
});

export const DIRECTIONS = codes<Direction>({ inbound: 1, outbound: 2, local: 3 });

export const STAGES = codes<Stage>({
  CONNECT: 1,
  HELO: 2,
  STARTTLS: 3,
  AUTH: 4,
  MAIL: 5,
  RCPT: 6,
  DATA: 7,
  EOM: 8,
  VRFY: 9,
  ETRN: 10,
  OTHER: 11,
});

export const SUBMITTERS = codes<SubmitterType>({ client: 1, uid: 2, user: 3 });

/** The numbers of some kinds. */
export function kindSet(...kinds: readonly EventKind[]): ReadonlySet<number> {
  return new Set(kinds.map((kind) => KINDS.numberOf[kind]));
}

function codes<Word extends string>(numberOf: Readonly<Record<Word, number>>): Codes<Word> {
  const words: (Word | undefined)[] = [];
  for (const word of Object.keys(numberOf) as Word[]) words[numberOf[word]] = word;
  return { numberOf, words };
}
