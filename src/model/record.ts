/**
 * What one log line says, before anything is known about other lines.
 * Both MTAs use this one vocabulary (RFC 5321, 3463, 3464); strings are real text, not byte strings.
 *
 * An optional property may be present with the value undefined: V8 is faster with objects that all have the same
 * properties, so a parser need not leave out what it does not know.
 */

/** The address a connection came from. `name` is the reverse name that the MTA verified. */
export interface Client {
  /** IPv4 or IPv6 as logged, without brackets; empty when the MTA did not know it */
  readonly address: string;
  readonly name?: string | undefined;
  readonly helo?: string | undefined;
}

/** The next host (Remote-MTA, RFC 3464 2.3.5). */
export interface Relay {
  readonly host?: string | undefined;
  readonly address?: string | undefined;
  readonly port?: number | undefined;
}

/** An SMTP or MTA reply, as it is in the line. */
export interface Reply {
  /** reply code, 550 */
  readonly code?: number | undefined;
  /** enhanced status code, `5.1.1`: from the reply, else what the MTA logged (`dsn=`) */
  readonly status?: string | undefined;
  /** text of the reply with code and status, without the MTA's frame (`host x said:`), one line */
  readonly reply?: string | undefined;
}

export type Stage =
  | 'CONNECT'
  | 'HELO'
  | 'STARTTLS'
  | 'AUTH'
  | 'MAIL'
  | 'RCPT'
  | 'DATA'
  | 'EOM'
  | 'VRFY'
  | 'ETRN'
  | 'OTHER';

/** A connection begins or ends. Sessions are distinguished by the pid of the MTA process. */
interface ConnectRecord {
  readonly kind: 'connect' | 'disconnect';
}

/** Postfix `client=`: a transaction has begun. The only line that proves a successful AUTH. */
export interface TransactionRecord {
  readonly kind: 'transaction';
  /** absent for a before-queue proxy (`NOQUEUE: client=`) */
  readonly queueId?: string | undefined;
  readonly client: Client;
  readonly user?: string | undefined;
  /** XFORWARD: ID and client of the message before the content filter */
  readonly originalQueueId?: string | undefined;
  readonly originalClient?: Client | undefined;
}

/** Postfix pickup: local submission, or a requeue of `originalQueueId`. */
export interface PickupRecord {
  readonly kind: 'pickup';
  readonly queueId: string;
  readonly uid: string;
  readonly sender: string;
  readonly originalQueueId?: string | undefined;
}

/** Postfix cleanup `message-id=`; also the birth of messages that Postfix itself makes. */
export interface MessageIdRecord {
  readonly kind: 'message-id';
  readonly queueId: string;
  /** raw header value, chosen by the sender */
  readonly messageId: string;
}

/** Postfix qmgr `(queue active)`: the message exists. Logged again at every retry. */
export interface ActiveRecord {
  readonly kind: 'active';
  readonly queueId: string;
  readonly sender: string;
  readonly size: number;
  /** after alias expansion */
  readonly recipients: number;
}

/** Exim `<=`: a message is born and accepted in one line. */
export interface ArrivalRecord {
  readonly kind: 'arrival';
  readonly queueId: string;
  readonly sender: string;
  readonly client?: Client | undefined;
  readonly user?: string | undefined;
  /** `ID:SENDER` of `A=`: a login with a colon, or a login and the sender that it named; not decided, so no `user` */
  readonly ambiguousLogin?: string | undefined;
  /** Unix login of a local submission (`U=` without `H=`) */
  readonly uid?: string | undefined;
  readonly size?: number | undefined;
  /** envelope recipients (`for ...`), if logged */
  readonly recipients?: readonly string[] | undefined;
  /** `R=`: this is a DSN about that message */
  readonly parentQueueId?: string | undefined;
  readonly messageId?: string | undefined;
}

/** One recipient's outcome in one attempt. */
export interface DeliveryRecord extends Reply {
  readonly kind: 'delivery';
  readonly queueId: string;
  readonly outcome: 'delivered' | 'deferred' | 'bounced';
  readonly recipient: string;
  readonly originalRecipient?: string | undefined;
  readonly relay?: Relay | undefined;
  /** SMTP command that the reply answered */
  readonly stage?: Stage | undefined;
  /** the text is a cached reply to another message (Postfix `delivery temporarily suspended`) */
  readonly cached?: boolean | undefined;
  /** Exim's transport (`T=`) delivers into a mailbox here, or by LMTP; absent for smtp */
  readonly local?: 'mailbox' | 'lmtp' | undefined;
  /** Exim `retry timeout exceeded`: the deferral's reason is the one that counts */
  readonly retryTimeout?: boolean | undefined;
  /** address verification or `sendmail -bv`: not mail, counts for nobody */
  readonly probe?: boolean | undefined;
  /** the message continues under another queue ID: in a content filter, or as a forward */
  readonly next?: { readonly queueId: string; readonly how: 'queued' | 'forwarded' } | undefined;
}

/** Postfix qmgr `status=expired`: every recipient still deferred fails now. */
interface ExpiredRecord {
  readonly kind: 'expired';
  readonly queueId: string;
  readonly sender: string;
}

/** The message left the queue. `requeued` (postsuper -r): the same mail returns under another ID. */
export interface RemovedRecord {
  readonly kind: 'removed';
  readonly queueId: string;
  readonly how: 'done' | 'canceled' | 'operator' | 'requeued';
}

/**
 * A command or a message was refused (`rejected`), or accepted and kept or dropped (`held`, `discarded`), or accepted
 * although a restriction that only warns would have refused it (`rehearsed`).
 */
export interface RejectionRecord extends Reply {
  readonly kind: 'rejected' | 'held' | 'discarded' | 'rehearsed';
  readonly queueId?: string | undefined;
  readonly stage?: Stage | undefined;
  readonly client?: Client | undefined;
  /** SASL user, if the line itself names it */
  readonly user?: string | undefined;
  /** Unix login of a local SMTP submission */
  readonly uid?: string | undefined;
  readonly sender?: string | undefined;
  readonly recipient?: string | undefined;
  /** 4yz */
  readonly temporary?: boolean | undefined;
  /** only a warning: the recipient was NOT refused (Exim recipe that accepts and freezes, `postern-invalid`) */
  readonly accepted?: boolean | undefined;
  /** the host that a recipient callout or probe contacted */
  readonly relay?: Relay | undefined;
}

export interface AuthFailedRecord extends Reply {
  readonly kind: 'auth-failed';
  readonly client: Client;
  /** the name that was tried, chosen by the client */
  readonly user?: string | undefined;
}

/** Postfix bounce: `queueId` caused the DSN `dsnQueueId`. */
export interface DsnRecord {
  readonly kind: 'dsn';
  readonly queueId: string;
  readonly dsnQueueId: string;
  readonly about: 'failure' | 'delay' | 'success';
  /** a copy for the postmaster, not for the sender */
  readonly isCopy?: boolean | undefined;
}

/** Before-queue proxy: the end-of-message reply, which contains the queue ID behind the proxy. */
export interface ProxyAcceptRecord {
  readonly kind: 'proxy-accept';
  readonly client: Client;
  readonly queueId?: string | undefined;
  readonly user?: string | undefined;
  readonly sender?: string | undefined;
  readonly recipient?: string | undefined;
}

/**
 * A content filter's own line that connects two queue IDs (amavis `Queue-ID: ..., queued_as: ...`). `moved`: the queue
 * file itself got a new ID, and no other line shows its birth (MailScanner `Requeue: ... to ...`).
 */
export interface LinkRecord {
  readonly kind: 'link';
  readonly queueId: string;
  readonly nextQueueId: string;
  readonly moved?: boolean | undefined;
}

/** cPanel's `Sender identification`: which account a message of Exim belongs to, logged behind its `<=`. */
export interface IdentificationRecord {
  readonly kind: 'identification';
  readonly queueId: string;
  /** the account (`U=`); `-remote-` and the like for mail from outside */
  readonly uid?: string | undefined;
  /** the address that the account sends as (`S=`) */
  readonly sender?: string | undefined;
}

/** The log itself lost lines (syslog rate limit): open messages are incomplete. */
export interface LossRecord {
  readonly kind: 'loss';
  readonly reply: string;
}

export type LogRecord =
  | ConnectRecord
  | TransactionRecord
  | PickupRecord
  | MessageIdRecord
  | ActiveRecord
  | ArrivalRecord
  | DeliveryRecord
  | ExpiredRecord
  | RemovedRecord
  | RejectionRecord
  | AuthFailedRecord
  | DsnRecord
  | ProxyAcceptRecord
  | LinkRecord
  | IdentificationRecord
  | LossRecord;
