/** What the functions that turn records into events work on: one line and the state of the correlator. */
import type { MailEvent, Mta, Submitter } from '../model/event.ts';
import type { FindPerson } from '../model/identity.ts';
import type { LoggedLine } from '../model/line.ts';
import type { CanonicalLogin } from '../model/login.ts';
import type { LogRecord } from '../model/record.ts';
import type { Classify } from '../model/refusal.ts';
import type { AheadIds } from './ahead.ts';
import type { DuplicateLines, RefusedRecipients } from './duplicates.ts';
import { newMessage, type OpenMessage, type Origin } from './message.ts';
import type { MessageIds } from './message-ids.ts';
import type { OpenMessages } from './messages.ts';
import type { PipedMessages } from './piped-messages.ts';
import type { RelayClients } from './relay-clients.ts';
import type { SentMail } from './sent-mail.ts';
import type { Sessions } from './sessions.ts';

/**
 * One line with its record, and everything that the correlator knows. The correlator refills one object for every
 * line, because a new one would cost time: no function may keep it.
 */
export interface Turn<Entry extends LogRecord = LogRecord> {
  readonly line: LoggedLine;
  /** the record's kind, by which TypeScript distinguishes the turns */
  readonly kind: Entry['kind'];
  readonly record: Entry;
  readonly traits: LogTraits;
  /** takes the events of this line, oldest first */
  readonly events: MailEvent[];
  readonly classify: Classify;
  readonly canonicalLogin: CanonicalLogin | undefined;
  readonly findPerson: FindPerson | undefined;
  readonly messages: OpenMessages;
  readonly messageIds: MessageIds;
  readonly pipedMessages: PipedMessages;
  readonly aheadIds: AheadIds;
  readonly sessions: Sessions;
  readonly relayClients: RelayClients;
  readonly duplicateLines: DuplicateLines;
  readonly refusedRecipients: RefusedRecipients;
  readonly sentMail: SentMail;
  readonly notices: NoticeAddresses | undefined;
  readonly removals: Removals;
}

/** What becomes of the events that say that a message has left the queue. */
export interface Removals {
  /** they are counted, not made */
  readonly areLeftOut: boolean;
  leftOut: number;
}

type TurnOf<Entry> = Entry extends LogRecord ? Turn<Entry> : never;
/** A turn with any kind of record, as a union that `kind` narrows. */
export type TurnOfEachKind = TurnOf<LogRecord>;

/** What differs between the logs of mail servers. */
export interface LogTraits {
  readonly mta: Mta;
  /** the program that delivers to other hosts */
  readonly outgoing: string;
  /** a refusal may be written to two logs, or twice to syslog */
  readonly repeatsRefusals: boolean;
  /** a last line follows after an operator removed a message */
  readonly completesRemovals: boolean;
}

/** The addresses of our notices: mail from this machine, from this sender to these recipients, counts for nobody. */
export interface NoticeAddresses {
  readonly sender: string;
  readonly recipients: readonly string[];
}

/** The open message with this queue ID on the host of the line. */
export function findMessage(
  { line, messages }: Turn,
  queueId: string | undefined,
): OpenMessage | undefined {
  return queueId === undefined ? undefined : messages.get(line.host, queueId);
}

/** The same, but adds a message if there is none: the log may have begun in the middle of its life. */
export function openMessage(
  { line, messages }: Turn,
  queueId: string,
  origin: Origin = 'unknown',
): OpenMessage {
  const known = messages.get(line.host, queueId);
  if (known !== undefined) return known;
  const message = newMessage(line.host, queueId, line.time, origin);
  messages.put(message);
  return message;
}

/** The user with this login, in the one form of all spellings; the spelling of the log stays known. */
export function makeUser({ canonicalLogin }: Turn, login: string): Submitter {
  const id = canonicalLogin?.(login) ?? login;
  return id === login ? { type: 'user', id: login } : { type: 'user', id, login };
}

/** The relay client at this address: the person who has it now, where a source of leases names one. */
export function makeClient({ findPerson, line }: Turn, address: string): Submitter {
  const person = findPerson?.(address, line.time);
  return person === undefined ? { type: 'client', id: address } : { type: 'user', id: person };
}
