/**
 * Complaints to events. A report is believed only as far as the log agrees: queue ID and Message-ID, the time, the sender
 * and a recipient. A message counts once, whoever complains about it and however often.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { getMessage } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { type Clock, HOUR, MINUTE, SECOND } from '../base/time.ts';
import { WakeUp } from '../base/wake-up.ts';
import type { Claim } from '../complaint/claim.ts';
import { type FoundClaim, listClaims, removeFile } from '../complaint/folder.ts';
import type { MailEvent } from '../model/event.ts';
import type { Store } from '../store/store.ts';
import { repeat } from './retry.ts';

/** How far the time of a Received field may be from the line that accepted the message: its body comes in between. */
const RECEPTION = 10 * MINUTE;
/** How long after acceptance a recipient is found, and how far from the time of a report's own a message. */
const DELIVERY = HOUR;
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
  const trouble = 'complaints cannot be looked up, will try again';
  const { folder, clock, log } = options;
  let failure = '';
  /** files that were dealt with and cannot be deleted */
  const stuck = new Set<string>();
  await repeat(options, new WakeUp(), trouble, async () => {
    const claims = tryListClaims(folder, clock.now());
    if (typeof claims !== 'string') {
      await takeComplaints(
        options,
        claims.filter(({ file }) => !stuck.has(file)),
        stuck,
      );
    } else if (claims !== failure) log.warn({ folder, error: claims }, 'complaints cannot be read');
    failure = typeof claims === 'string' ? claims : '';
    return PAUSE;
  });
}

/** The claims, or why the folder cannot be read: it is missing, or belongs to somebody else. */
function tryListClaims(folder: string, now: number): readonly FoundClaim[] | string {
  try {
    return listClaims(folder, now);
  } catch (error) {
    return getMessage(error);
  }
}

async function takeComplaints(
  { store, clock, log, add }: ComplaintOptions,
  claims: readonly FoundClaim[],
  stuck: Set<string>,
): Promise<void> {
  for (const { file, claim } of claims) {
    const found = findMessage(store, claim, clock.now());
    if (typeof found === 'string') {
      log.info({ messageId: claim.messageId, why: found }, 'complaint refused');
    } else {
      if (!(await add([found]))) return;
      log.info({ queueId: found.queueId, submitter: found.submitter }, 'complaint');
    }
    if (!removeFile(file)) {
      stuck.add(file);
      log.warn({ file }, 'cannot delete this complaint');
    }
    await nextTurn(); // log lines do not wait for a hundred forged reports
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
  const around = (time: number, by: number) => ({ since: time - by, until: time + by });
  for (const { queueId, time } of hops) {
    const [found] = complaints.findAccepted({ messageId, queueId, ...around(time, RECEPTION) });
    if (found !== undefined) return found;
  }
  if (hops.length > 0 || arrival === undefined) return undefined;
  const found = complaints.findAccepted({ messageId, ...around(arrival, DELIVERY) });
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
  const delivered = complaints.findDelivered(queueIds, time, time + DELIVERY);
  const named = delivered.find(({ recipient = '', originalRecipient = '' }) =>
    recipients.some((one) => isSame(one, recipient) || isSame(one, originalRecipient)),
  );
  return (recipients.length === 0 ? delivered[0] : named)?.recipient;
}

function isSame(one: string, other: string): boolean {
  return one.toLowerCase() === other.toLowerCase();
}
