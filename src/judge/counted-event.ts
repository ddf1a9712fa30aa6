/** The part of an event that rules look at. A replay hands over no more than this to the thread that judges. */
import type { DsnCause, MailEvent, Submitter } from '../model/event.ts';
import type { Client, Relay } from '../model/record.ts';

/** Fields of an event, as it has them. */
type Fields = Pick<
  MailEvent,
  | 'source'
  | 'line'
  | 'offset'
  | 'time'
  | 'host'
  | 'kind'
  | 'queueId'
  | 'sender'
  | 'recipient'
  | 'originalRecipient'
  | 'reason'
  | 'direction'
  | 'repeated'
  | 'newRecipients'
  | 'amends'
>;

/** An event as far as rules look at it; every event is one. */
export interface CountedEvent extends Fields {
  readonly submitter?: Pick<Submitter, 'type' | 'id'> | undefined;
  readonly client?: Pick<Client, 'address'> | undefined;
  readonly relay?: Pick<Relay, 'host' | 'address'> | undefined;
  readonly cause?: Pick<DsnCause, 'home'> | undefined;
}
