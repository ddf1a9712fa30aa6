/** An event as JSON, with the keys of docs/events.md. */
import { formatTime } from '../base/time.ts';
import type { MailEvent } from '../model/event.ts';
import type { Client } from '../model/record.ts';

const KEYS = [
  'source',
  'line',
  'offset',
  'time',
  'mta',
  'host',
  'kind',
  'temporary',
  'stage',
  'queueId',
  'parentQueueId',
  'messageId',
  'submitter',
  'client',
  'sender',
  'recipient',
  'originalRecipient',
  'relay',
  'code',
  'status',
  'reply',
  'reason',
  'size',
  'recipients',
  'direction',
  'repeated',
  'cause',
] as const satisfies readonly (keyof MailEvent)[];

/** The event as it is printed: keys in a fixed order, absent if unknown, time as RFC 3339. */
export function eventToJson(event: MailEvent): Record<string, unknown> {
  const json: Record<string, unknown> = {};
  for (const key of KEYS) {
    const value = event[key];
    if (value === undefined) continue;
    if (key === 'time') json.time = formatTime(event.time);
    else if (key !== 'client') json[key] = value;
    else if (isKnown(value as Client)) json.client = withoutEmptyAddress(value as Client);
  }
  return json;
}

/** Whether the log says anything about the client. Its address is empty if the MTA did not know it. */
function isKnown({ address, name, helo }: Client): boolean {
  return address !== '' || name !== undefined || helo !== undefined;
}

function withoutEmptyAddress(client: Client): Partial<Client> {
  const { address, ...rest } = client;
  return address === '' ? rest : client;
}
