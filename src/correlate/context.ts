/** What the functions that turn single records into events share. */
import type { MailEvent } from '../model/event.ts';
import type { Departed } from './departed.ts';
import type { OpenMessage } from './message.ts';
import type { MessageIds } from './message-ids.ts';
import type { OpenMessages } from './messages.ts';
import type { LineCopies, RefusedRecipients } from './once.ts';
import type { Sessions } from './sessions.ts';
import type { RelayClients } from './trust.ts';

/** The correlator's state, as the functions for single records see it. */
export interface Context {
  readonly messages: OpenMessages;
  readonly sessions: Sessions;
  readonly trust: RelayClients;
  readonly copies: LineCopies;
  readonly refused: RefusedRecipients;
  readonly messageIds: MessageIds;
  readonly departed: Departed;
  readonly notices: Notices | undefined;
}

/** Our own notices: mail from this machine with this reverse-path, to these recipients, is nobody's. */
export interface Notices {
  readonly sender: string;
  readonly recipients: readonly string[];
}

/** Mail that the MTA or Postern made: it counts for nobody. */
export function isNobodys(message: OpenMessage): boolean {
  return message.origin === 'dsn' || message.origin === 'probe' || message.origin === 'notice';
}

/** Outbound when one of ours handed it in, inbound when a stranger did. */
export function tellDirection(message: OpenMessage | undefined): MailEvent['direction'] {
  if (message === undefined || isNobodys(message)) return undefined;
  if (message.submitter !== undefined) return 'outbound';
  return message.stranger === true ? 'inbound' : undefined;
}
