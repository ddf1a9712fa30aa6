/** The listing of postqueue -j (postqueue(1), "JSON OBJECT FORMAT"; Postfix 3.1): one message a line. */
import { z } from 'zod';
import { dropUndefined } from '../../base/defined.ts';
import { SECOND } from '../../base/time.ts';
import type { QueuedMessage } from './message.ts';

const entry = z.object({
  queue_name: z.string(),
  queue_id: z.string(),
  arrival_time: z.number(),
  message_size: z.number(),
  sender: z.string(),
  recipients: z.array(
    z.object({
      address: z.string(),
      delay_reason: z.string().optional(),
      bounce_reason: z.string().optional(),
      other_reason: z.string().optional(),
    }),
  ),
});

/** How the null sender is printed ($empty_address_recipient; showq.c). */
const NULL_SENDER = 'MAILER-DAEMON';

/** A line of the listing as a message without its submitter; undefined if it is not one. */
export function parseListedMessage(line: string): QueuedMessage | undefined {
  const parsed = entry.safeParse(parseJson(line));
  if (!parsed.success) return undefined;
  const { queue_name: state, queue_id: queueId, sender, recipients } = parsed.data;
  return {
    queueId,
    time: parsed.data.arrival_time * SECOND,
    size: parsed.data.message_size,
    sender: sender === NULL_SENDER ? '' : sender,
    recipients: recipients.map(({ address, delay_reason, bounce_reason, other_reason }) =>
      dropUndefined({ address, reason: delay_reason ?? bounce_reason ?? other_reason }),
    ),
    state,
    held: state === 'hold',
  };
}

function parseJson(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}
