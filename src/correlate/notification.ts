/**
 * Notifications from elsewhere: mail with the null reverse-path for one of our addresses. Either it answers mail that one
 * of our submitters sent, or somebody elsewhere has forged the address.
 */
import { getNetwork } from '../model/address.ts';
import { nameProvider } from '../model/provider.ts';
import type { Client, DeliveryRecord } from '../model/record.ts';
import { type EventDraft, newEvent } from './event-draft.ts';
import { isSystemMail, type OpenMessage } from './message.ts';
import { isOwnDelivery } from './own-delivery.ts';
import type { Turn } from './turn.ts';

/** Remembers that a host elsewhere took mail of one of our submitters. */
export function noteSent(turn: Turn<DeliveryRecord>, event: EventDraft): void {
  const { submitter, sender, recipient, direction, time } = event;
  if (submitter === undefined || !sender || direction !== 'outbound' || isOwnDelivery(turn)) return;
  turn.sentMail.noteSent(submitter, sender, event.relay, recipient ?? '', time);
}

/** Adds the event of a notification, once for each message: an alias may have many recipients. */
export function noteNotification(
  turn: Turn<DeliveryRecord>,
  message: OpenMessage,
  { recipient, originalRecipient }: EventDraft,
): void {
  if (message.sender !== '' || message.notified === true || !isFromElsewhere(turn, message)) return;
  message.notified = true;
  turn.messages.touch(message, turn.line.time);
  const event = newEvent(turn, 'dsn-received');
  event.queueId = message.queueId;
  event.parentQueueId = message.parentQueueId;
  event.client = message.client;
  event.sender = '';
  event.recipient = recipient;
  event.originalRecipient = originalRecipient;
  const places = listClientPlaces(message.client as Client);
  event.submitter = turn.sentMail.takeReturned(
    originalRecipient ?? recipient ?? '',
    places,
    event.time,
  );
  event.direction = event.submitter === undefined ? 'inbound' : 'outbound';
  turn.events.push(event);
}

/** From another host: a stranger, or a smarthost that counts as one of ours and has mail for a mailbox here. */
function isFromElsewhere(turn: Turn<DeliveryRecord>, message: OpenMessage): boolean {
  const { client, submitter, stranger } = message;
  if (isSystemMail(message) || client === undefined || client.address === '') return false;
  if (stranger === true) return true;
  return submitter?.type === 'client' && submitter.id === client.address && isOwnDelivery(turn);
}

/** Where a notification came from. The name is the one that the mail server has verified. */
function listClientPlaces({ address, name }: Client): string[] {
  const network = getNetwork(address);
  return name === undefined || name === 'unknown' ? [network] : [nameProvider(name), network];
}
