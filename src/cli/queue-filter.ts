/** The conditions of `postern queue`: those for events, as far as a queue file has what they are about. */
import { PosternError } from '../base/errors.ts';
import { lowerAscii } from '../base/text.ts';
import { classify } from '../classify/classify.ts';
import type { Config } from '../config/load.ts';
import type { QueuedMessage } from '../enforce/queue/message.ts';
import { canonicalClients } from '../model/address.ts';
import type { Reason } from '../model/event.ts';
import { isInDomain } from '../model/event-query.ts';
import { buildEventQuery, type EventFilterOptions } from './event-filter.ts';

export type QueueFilterOptions = Omit<EventFilterOptions, 'of' | 'kind' | 'host' | 'limit'>;

/**
 * What is named on the command line, by arguments or by options that mean the same. Throws a PosternError (exit status
 * 2) when nothing is, or when both name a submitter.
 */
export function listTyped(texts: readonly string[], options: QueueFilterOptions): string[] {
  const { submitter, client, queueId, ...others } = options;
  const who = [submitter, client].filter((one) => one !== undefined);
  if (who.length > 1 || (who.length > 0 && texts.length > 0)) {
    throw new PosternError(
      'usage',
      'queue: name the submitter once: as an argument, or with --submitter or --client',
    );
  }
  if (client !== undefined && canonicalClients(client) === undefined)
    throw new PosternError('usage', `--client ${client}: expected an IP address or a network`);
  const typed = [...texts, ...who, ...(queueId === undefined ? [] : [`id:${queueId}`])];
  const { since, until, sender, recipient, domain, reason } = others;
  const conditions = [since, until, sender, recipient, domain, reason];
  if (typed.length === 0 && conditions.every((one) => one === undefined))
    throw new PosternError(
      'usage',
      'queue: name submitters or queue IDs, or a condition such as --domain (postern queue --help)',
    );
  return typed;
}

/** Whether a message meets the conditions that are not about its submitter. Throws a PosternError (exit status 2). */
export function buildQueueTest(
  { since, until, sender, recipient, domain, reason }: QueueFilterOptions,
  config: Config,
): (message: QueuedMessage) => boolean {
  const typed = { since, until, sender, recipient, domain, reason };
  const given = Object.entries(typed).filter(([, value]) => value !== undefined);
  const query = buildEventQuery(Object.fromEntries(given), config);
  const reasons = query.reasons && new Set(query.reasons);
  return (message) =>
    (query.since === undefined || message.time >= query.since) &&
    (query.until === undefined || message.time < query.until) &&
    (query.sender === undefined || isSame(message.sender, query.sender)) &&
    (query.recipient === undefined || hasRecipient(message, query.recipient)) &&
    (query.domain === undefined || hasDomain(message, query.domain)) &&
    (reasons === undefined || listReasons(message).some((one) => reasons.has(one)));
}

function isSame(one: string, other: string): boolean {
  return lowerAscii(one) === lowerAscii(other);
}

function hasRecipient({ recipients }: QueuedMessage, wanted: string): boolean {
  return recipients.some(({ address }) => isSame(address, wanted));
}

function hasDomain({ sender, recipients }: QueuedMessage, domain: string): boolean {
  return isInDomain(sender, domain) || recipients.some((one) => isInDomain(one.address, domain));
}

/** Why it is still here, as a reason for events. */
function listReasons({ reason, recipients }: QueuedMessage): Reason[] {
  const texts = [reason, ...recipients.map((one) => one.reason)];
  return texts.flatMap((reply) => (reply === undefined ? [] : [classify({ reply })]));
}
