/**
 * What a job of the milter implements: one optional method for each stage of the SMTP dialogue. A stage without a method
 * continues. The server calls the methods of one session one after the other, and waits for a promise before it reads
 * the session's next command; other sessions are not delayed. Answer at once, without a promise, whenever you can.
 *
 * Never wait longer than the mail server does: Sendmail 10 s, Postfix 30 s by default. If a method throws or rejects, or has
 * not answered within `budget`, the client gets a temporary failure for that message, and the connection lives.
 *
 * Keep no state in the handler by session number: take a WeakMap with the session or the message as its key. A handler
 * may meet a session in its middle, because a reload hands in a new one for the next message.
 */
import { SECOND } from '../base/time.ts';
import type { EnvelopeAddress } from './address.ts';
import type { Change } from './changes.ts';
import type { ActionName } from './negotiation.ts';
import type { Verdict } from './verdict.ts';

export type { EnvelopeAddress } from './address.ts';
export { findParameter, parseEnvelopeAddress } from './address.ts';
export type { Change } from './changes.ts';
export { encodeXtext } from './changes.ts';
export type { ActionName } from './negotiation.ts';
export { ACCEPT, CONTINUE, type Refusal, reject, tempfail, type Verdict } from './verdict.ts';

/** The client of the SMTP session. */
export interface MilterClient {
  /** IP address in canonical form (IPv4-mapped as IPv4); undefined for a unix socket or an unknown one (`sendmail -bs`) */
  readonly address: string | undefined;
  /** the name that the mail server verified, or `[address]` */
  readonly name: string;
  /** 0: unknown; Postfix's cleanup, which imitates a session for local mail, has no other */
  readonly port: number;
}

/** An SMTP session: one connection of the mail server, RFC 5321. Text is byte strings, see address.ts. */
export interface MilterSession {
  /** 1, 2, 3, ... since the start of the process, for log lines */
  readonly number: number;
  readonly client: MilterClient;
  /** what the client called itself last; undefined before HELO, and if no handler has the method `helo` */
  readonly helo: string | undefined;
  /** `{daemon_name}`: Sendmail's `Name=` of DAEMON_OPTIONS, Postfix's `milter_macro_daemon_name` */
  readonly daemonName: string | undefined;
  /** the actions that this mail server allows */
  readonly actions: ReadonlySet<ActionName>;
  /** aborted when the connection ends */
  readonly signal: AbortSignal;
  /** a macro's value, from the latest stage that has it; the name without braces: `i`, `auth_authen` */
  macro(name: string): string | undefined;
}

/** A transaction, from MAIL to the end of the message. */
export interface MilterMessage {
  readonly session: MilterSession;
  readonly sender: EnvelopeAddress;
  /**
   * Those that every handler has let pass, as far as they are known now; the same one may be there twice. Always empty for
   * a handler that has neither `data` nor `endOfMessage`.
   */
  readonly recipients: readonly EnvelopeAddress[];
  /** the name with which the client has logged in (`{auth_authen}`), never what MAIL says in `AUTH=` */
  readonly login: string | undefined;
  /** absent at MAIL and at the first RCPT of Postfix; Sendmail knows it from MAIL on */
  readonly queueId: string | undefined;
  /**
   * Handed in by sendmail(1), QMQP or a requeue of Postfix (`non_smtpd_milters`), without a client. Never refuse a recipient of such a
   * message: Postfix would keep the mail and try for ever.
   */
  readonly isLocal: boolean;
  /** aborted when the mail server gives the message up while a method still works on it */
  readonly signal: AbortSignal;
}

/** The answer to the end of a message. Changes of a refused message are dropped. */
export interface Conclusion {
  readonly verdict: Verdict;
  readonly changes: readonly Change[];
}

type Answer<T> = T | Promise<T>;

/** How long a method may take, ms, unless its handler says otherwise: Sendmail waits 10 s. */
export const BUDGET = 8 * SECOND;

export interface MilterHandler {
  /** for log lines: `recipients`, `return-path` */
  readonly name: string;
  /** what it may change at the end of a message; empty or absent: nothing */
  readonly actions?: readonly ActionName[];
  /** ms that its slowest method may take; default `BUDGET` */
  readonly budget?: number;
  connect?(session: MilterSession): Answer<Verdict>;
  /** again after STARTTLS and after a second EHLO, perhaps in the middle of a message */
  helo?(session: MilterSession): Answer<Verdict>;
  /** A refusal ends the message. */
  mail?(message: MilterMessage): Answer<Verdict>;
  /** `recipient` is not among `message.recipients` yet. A refusal is about this recipient only. */
  rcpt?(recipient: EnvelopeAddress, message: MilterMessage): Answer<Verdict>;
  /**
   * Not called by protocol versions before 4. After a refusal more RCPT and another DATA may follow. Accept here whenever the
   * end of the message does not matter: the mail server then need not ask again. A handler without `endOfMessage` does so.
   */
  data?(message: MilterMessage): Answer<Verdict>;
  /** `[]` as changes: none. */
  endOfMessage?(message: MilterMessage): Answer<Conclusion>;
  /** A message that was begun got neither an answer at its end nor a refusal at MAIL. */
  abort?(message: MilterMessage): void;
  /** The connection has ended. */
  close?(session: MilterSession): void;
}

/** Accepts everything. */
export const ACCEPT_ALL: MilterHandler = { name: 'none' };
