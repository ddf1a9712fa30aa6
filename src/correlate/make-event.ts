/** One way to make an event: all keys, always in the same order, so that V8 keeps one shape for all of them. */
import type { EventKind, MailEvent, Mta } from '../model/event.ts';
import type { LoggedLine } from '../model/line.ts';

/** What is not told by the line itself. */
export type EventParts = Omit<
  Partial<MailEvent>,
  'source' | 'line' | 'offset' | 'time' | 'mta' | 'kind'
>;

export function makeEvent(
  line: LoggedLine,
  mta: Mta,
  kind: EventKind,
  parts: EventParts,
): MailEvent {
  return {
    source: line.at.source,
    line: line.at.line,
    offset: line.at.offset,
    time: line.time,
    mta,
    host: line.host === '' ? undefined : line.host,
    kind,
    temporary: parts.temporary,
    stage: parts.stage,
    queueId: parts.queueId,
    parentQueueId: parts.parentQueueId,
    submitter: parts.submitter,
    client: parts.client,
    sender: parts.sender,
    recipient: parts.recipient,
    originalRecipient: parts.originalRecipient,
    relay: parts.relay,
    code: parts.code,
    status: parts.status,
    reply: parts.reply,
    reason: parts.reason,
    size: parts.size,
    recipients: parts.recipients,
    direction: parts.direction,
    repeated: parts.repeated,
    newRecipients: parts.newRecipients,
    amends: parts.amends,
  };
}
