/**
 * Complaints to events. A report is believed only as far as the log agrees: queue ID and Message-ID, the time, the sender
 * and a recipient. A message counts once, whoever complains about it and however often.
 */
import type { Log } from '../base/log.ts';
import { type Clock, HOUR, SECOND } from '../base/time.ts';
import { WakeUp } from '../base/wake-up.ts';
import type { Claim } from '../complaint/claim.ts';
import { listClaims, removeFile } from '../complaint/folder.ts';
import type { MailEvent } from '../model/event.ts';
import type { Store } from '../store/store.ts';
import { repeat } from './retry.ts';

/** How far the clock of a Received field, or a slow delivery, may be from the time in the log. */
const TOLERANCE = HOUR;
const PAUSE = 5 * SECOND;

export interface ComplaintOptions {
  readonly folder: string;
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Log;
  readonly signal: AbortSignal;
  /** counts and stores events; false if the service ends before that */
  readonly add: (events: readonly MailEvent[]) => Promise<boolean>;
}

/** Looks into the folder until the signal is aborted. */
export async function keepComplaints(options: ComplaintOptions): Promise<void> {
  const trouble = `${options.folder}: complaints cannot be read, will try again`;
  await repeat(options, new WakeUp(), trouble, async () => {
    await takeComplaints(options);
    return PAUSE;
  });
}

async function takeComplaints({ folder, store, clock, log, add }: ComplaintOptions): Promise<void> {
  for (const { file, claim } of listClaims(folder, clock.now())) {
    const found = findMessage(store, claim, clock.now());
    if (typeof found === 'string')
      log.info({ messageId: claim.messageId, why: found }, 'complaint refused');
    else {
      if (!(await add([found]))) return;
      const { queueId, submitter } = found;
      log.info({ queueId, submitter }, 'complaint');
    }
    removeFile(file);
  }
}

/** The event of a complaint at `now` (ms), or why it does not count. */
export function findMessage(store: Store, claim: Claim, now: number): MailEvent | string {
  const accepted = findAccepted(store, claim);
  if (accepted === undefined) return 'no such message';
  if (accepted.submitter === undefined || accepted.direction !== 'outbound')
    return 'not sent by a submitter';
  if (claim.sender !== undefined && !isSame(claim.sender, accepted.sender ?? ''))
    return 'another sender';
  const recipient = findRecipient(store, claim, accepted);
  if (recipient === undefined) return 'not delivered to this recipient';
  if (store.complaints.isKnown(accepted)) return 'known already';
  const { source, line, offset, mta, host, queueId, messageId, submitter, client, sender } =
    accepted;
  return {
    // The line that accepted the message: there is none about the complaint.
    source,
    line,
    offset,
    time: now,
    mta,
    host,
    kind: 'complaint',
    queueId,
    messageId,
    submitter,
    client,
    sender,
    recipient,
    direction: 'outbound',
  };
}

/** The message with both IDs. Without a Received field, the only one with this Message-ID at the time. */
function findAccepted({ complaints }: Store, claim: Claim): MailEvent | undefined {
  const { messageId, hops, arrival } = claim;
  const around = (time: number) => ({ since: time - TOLERANCE, until: time + TOLERANCE });
  for (const { queueId, time } of hops) {
    const [found] = complaints.findAccepted({ messageId, queueId, ...around(time) });
    if (found !== undefined) return found;
  }
  if (hops.length > 0 || arrival === undefined) return undefined;
  const found = complaints.findAccepted({ messageId, ...around(arrival) });
  return found.length === 1 ? found[0] : undefined;
}

/** The recipient that the report names, if the log has it; the first one if the report hides it. */
function findRecipient(
  { complaints }: Store,
  { recipients, hops }: Claim,
  { time, queueId = '' }: MailEvent,
): string | undefined {
  // Behind a content filter the message has another queue ID, which stands in a Received field as well.
  const queueIds = [...new Set([queueId, ...hops.map((hop) => hop.queueId)])];
  const delivered = complaints.findDelivered(queueIds, time, time + TOLERANCE);
  const named = delivered.find(({ recipient = '', originalRecipient = '' }) =>
    recipients.some((one) => isSame(one, recipient) || isSame(one, originalRecipient)),
  );
  return (recipients.length === 0 ? delivered[0] : named)?.recipient;
}

function isSame(one: string, other: string): boolean {
  return one.toLowerCase() === other.toLowerCase();
}
