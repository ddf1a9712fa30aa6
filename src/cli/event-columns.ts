/** Events as rows of a table, for CSV and Parquet: one column for each text and number, by the names of docs/data.md. */
import { formatTime } from '../base/time.ts';
import type { MailEvent } from '../model/event.ts';
import { nameProvider } from '../model/provider.ts';
import type { Value } from './csv.ts';

interface EventColumn {
  readonly name: string;
  readonly type: 'time' | 'text' | 'number' | 'truth';
  /** a time in ms; undefined: the event does not say */
  of(event: MailEvent): Value;
}

const text = (name: string, of: EventColumn['of']): EventColumn => ({ name, type: 'text', of });
const number = (name: string, of: EventColumn['of']): EventColumn => ({ name, type: 'number', of });

export const EVENT_COLUMNS: readonly EventColumn[] = [
  { name: 'time', type: 'time', of: ({ time }) => time },
  text('kind', ({ kind }) => kind),
  text('reason', ({ reason }) => reason),
  text('direction', ({ direction }) => direction),
  { name: 'temporary', type: 'truth', of: ({ temporary }) => temporary === true },
  { name: 'repeated', type: 'truth', of: ({ repeated }) => repeated === true },
  text('submitter_type', ({ submitter }) => submitter?.type),
  text('submitter', ({ submitter }) => submitter?.id),
  text('client', ({ client }) => client?.address || undefined),
  text('client_name', ({ client }) => client?.name),
  text('client_helo', ({ client }) => client?.helo),
  text('sender', ({ sender }) => sender),
  text('sender_domain', ({ sender }) => getDomain(sender)),
  text('recipient', ({ recipient }) => recipient),
  text('recipient_domain', ({ recipient }) => getDomain(recipient)),
  text('original_recipient', ({ originalRecipient }) => originalRecipient),
  text('provider', ({ relay }) => nameRelay(relay)),
  text('relay_host', ({ relay }) => relay?.host),
  text('relay_address', ({ relay }) => relay?.address),
  number('relay_port', ({ relay }) => relay?.port),
  number('code', ({ code }) => code),
  text('status', ({ status }) => status),
  text('reply', ({ reply }) => reply),
  text('stage', ({ stage }) => stage),
  number('size', ({ size }) => size),
  number('recipients', ({ recipients }) => recipients),
  text('queue_id', ({ queueId }) => queueId),
  text('parent_queue_id', ({ parentQueueId }) => parentQueueId),
  text('message_id', ({ messageId }) => messageId),
  text('cause_about', ({ cause }) => cause?.about),
  text('cause_way', ({ cause }) => cause?.way),
  text('cause_recipient', ({ cause }) => cause?.recipient),
  text('cause_host', ({ cause }) => cause?.relay?.host),
  text('cause_reason', ({ cause }) => cause?.reason),
  text('cause_reply', ({ cause }) => cause?.reply),
  { name: 'home', type: 'truth', of: ({ cause }) => cause?.home === true },
  text('mta', ({ mta }) => mta),
  text('host', ({ host }) => host),
  text('source', ({ source }) => source),
  number('line', ({ line }) => line),
  number('offset', ({ offset }) => offset),
];

/** The cells of an event for CSV: times as RFC 3339. */
export function eventValues(event: MailEvent): Value[] {
  return EVENT_COLUMNS.map(({ type, of }) => {
    const value = of(event);
    return type === 'time' ? formatTime(value as number) : value;
  });
}

function getDomain(address: string | undefined): string | undefined {
  const at = address?.lastIndexOf('@') ?? -1;
  return at < 0 ? undefined : address?.slice(at + 1).toLowerCase();
}

function nameRelay(relay: MailEvent['relay']): string | undefined {
  const host = relay?.host ?? relay?.address;
  return host === undefined || host === '' ? undefined : nameProvider(host);
}
