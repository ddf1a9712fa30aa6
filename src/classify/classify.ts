/**
 * The reason of a refusal, from the SMTP or MTA reply. The same input always gives the same reason.
 *
 * The words decide (table.ts). If no words decide, the enhanced status does (RFC 3463), then the code (codes.ts);
 * otherwise the reason is `other`. The sender and other log lines play no part. Never throws. Takes linear time: it
 * reads at most 4096 characters, and remembers reasons by wording.
 */
import type { Reason } from '../model/event.ts';
import type { Refusal } from '../model/refusal.ts';
import type { Finding } from './codes.ts';
import { normalise, TEXT_LIMIT } from './normalise.ts';
import { Recent } from './recent.ts';
import { type FramedReply, namesOnlyOthers, readReply } from './reply.ts';
import { reduceToShape } from './shape.ts';
import { findReason, type ReplyFacts } from './table.ts';

/** Reply code, enhanced status and the reply without the MTA's frame (RFC 5321 4.2, RFC 3463 2). */
export function parseReply(text: string): Pick<FramedReply, 'code' | 'status' | 'text'> {
  const { stage: _stage, cached: _cached, ...reply } = readReply(text);
  return reply;
}

/** The reason of a refusal; `other` if nothing shows it. */
export function classify(refusal: Refusal): Reason {
  return explainReason(refusal).reason;
}

/** `classify`, with the name of the table entry that decided. */
export function explainReason(refusal: Refusal): Finding {
  const { reply = '', code, stage, recipient } = refusal;
  const status = (refusal.status?.length ?? 0) <= LONGEST_STATUS ? refusal.status : undefined;
  const own = recallOwn(reply, recipient, code, status, stage);
  const finding = own ?? recall(reply, code, status, stage);
  if (finding.reason !== 'invalid-recipient' && finding.reason !== 'invalid-domain') return finding;
  if (refusal.cached === true || finding.cached === true) return ABOUT_ANOTHER_MESSAGE;
  if (own !== undefined) return own;
  if (finding.reason === 'invalid-recipient' && namesOnlyOthers(reply, recipient)) {
    return ABOUT_ANOTHER_ADDRESS;
  }
  return finding;
}

const ABOUT_ANOTHER_MESSAGE: Finding = { reason: 'other', by: 'cached' };
const ABOUT_ANOTHER_ADDRESS: Finding = { reason: 'other', by: 'other-address' };

interface CachedFinding extends Finding {
  /** the frame says that the reply was given to another message */
  readonly cached?: boolean;
}

/** `5.123.123` has nine characters; a much longer text is not a status. */
const LONGEST_STATUS = 12;
const CACHE_LIMIT = 4096;
/** Longer shapes are not remembered, so that a stranger's replies cannot fill the memory. */
const LONGEST_SHAPE = 1024;
const byShape = new Recent<CachedFinding>(CACHE_LIMIT);

/** What was found for this shape of reply before, else what is found now. */
function recall(
  reply: string,
  code: ReplyFacts['code'],
  status: ReplyFacts['status'],
  stage: ReplyFacts['stage'],
): CachedFinding {
  const shape = reduceToShape(`${code ?? ''} ${status ?? ''} ${stage ?? ''}\n`, reply);
  const known = byShape.get(shape);
  if (known !== undefined) return known;
  const finding = find(shape.slice(shape.indexOf('\n') + 1), { code, status, stage });
  if (shape.length <= LONGEST_SHAPE) byShape.set(shape, finding);
  return finding;
}

/** What was found for a reply that differs in the recipient at most, and what it was found from. */
interface OwnFinding extends ReplyFacts {
  readonly finding: CachedFinding;
}

/** An address that `reduceToShape` makes `a@a` of, whatever it is. */
const PLAIN_ADDRESS = /^[a-z0-9._+-]{1,64}@[a-z0-9-]+(?:\.[a-z0-9-]+)*$/i;
const LONGEST_OWN = 512;
/** Longer replies that name no address often hold a host or an identifier: they would not come again. */
const LONGEST_SHORT = 32;
const byOwnWords = new Recent<OwnFinding>(CACHE_LIMIT);

/**
 * What was found for the same words with another recipient, or for the same short reply; else what is found now. Most
 * refusals of a log are of these kinds, and to find the shape takes longer than all the rest. Undefined for every other
 * reply.
 */
function recallOwn(
  reply: string,
  recipient: string | undefined,
  code: ReplyFacts['code'],
  status: ReplyFacts['status'],
  stage: ReplyFacts['stage'],
): CachedFinding | undefined {
  const words = removeOwn(reply, recipient);
  if (words === undefined) return undefined;
  const known = byOwnWords.get(words);
  if (known !== undefined && known.code === code) {
    if (known.status === status && known.stage === stage) return known.finding;
  }
  const finding = recall(reply, code, status, stage);
  byOwnWords.set(words, { code, status, stage, finding });
  return finding;
}

/**
 * The reply without the recipient in its first angle bracket: all such replies with the same other words have the same
 * shape. A short reply without a bracket is as it is; undefined for all others.
 */
function removeOwn(reply: string, recipient: string | undefined): string | undefined {
  const at = reply.indexOf('<') + 1;
  if (at === 0) return reply.length <= LONGEST_SHORT ? reply : undefined;
  if (recipient === undefined || reply.length > LONGEST_OWN) return undefined;
  const end = at + recipient.length;
  if (!reply.startsWith('>', end) || !reply.startsWith(recipient, at)) return undefined;
  return PLAIN_ADDRESS.test(recipient) ? reply.slice(0, at) + reply.slice(end) : undefined;
}

/** What the log says about the reply takes precedence over what the reply itself says. */
function find(shape: string, { code, status, stage }: ReplyFacts): CachedFinding {
  const reply = readReply(shape);
  const finding = findByWords(normalise(removeCodes(reply.text, reply.code)), {
    code: code ?? reply.code,
    status: status ?? reply.status,
    stage: stage ?? reply.stage,
  });
  return reply.cached === true ? { ...finding, cached: true } : finding;
}

/** What RFC 5321 4.2.3 proposes as the text of 450, 550 and others. Some servers say so first, then the reason. */
const FORMULA =
  /^requested (?:mail )?action (?:not taken|aborted) ?: ?mail ?box (?:is )?unavailable(?: ?[-.,:;])? (?=\S)/;
const BY_NUMBERS: ReadonlySet<string> = new Set(['none', 'status', 'code', 'stage']);

/**
 * The words behind the formula decide. If they say nothing, the formula does. If no words decide, the underscores of
 * `mailbox_quota_exceeded` are read as blanks.
 */
function findByWords(wording: string, facts: ReplyFacts): Finding {
  const words = wording.replace(FORMULA, '');
  if (words.length < wording.length) {
    const finding = findReason(words, facts);
    if (!BY_NUMBERS.has(finding.by)) return finding;
  }
  const finding = findReason(wording, facts);
  if (!BY_NUMBERS.has(finding.by) || !wording.includes('_')) return finding;
  return findReason(wording.replaceAll('_', ' ').trim(), facts);
}

const REPEATED =
  /(^| )([245][0-9][0-9])(?=[- ]|$)[- ]?(?:#?[245]\.[0-9]{1,3}\.[0-9]{1,3}(?![.0-9]))?[ ,:]*/g;

/** Removes the codes of all lines of a multi-line reply, so that sentences are whole again. */
function removeCodes(text: string, code: number | undefined): string {
  if (code === undefined) return text.replace(/^#?[245]\.[0-9]{1,3}\.[0-9]{1,3}(?=[ :]) ?/, '');
  const own = String(code);
  return removeAftermath(text.slice(0, TEXT_LIMIT), code).replace(
    REPEATED,
    (all, before: string, found: string) => (found === own ? before : all),
  );
}

const AFTERMATH =
  / (?:503(?=[ -](?:[A-Z0-9#]|need|valid))|421(?=[ -][^a-z]{0,6}(?:[^ ]{1,64} )?Error: too many errors))(?:(?! [245][0-9][0-9][ -]).)*/g;

/** After a 5yz, `503 need RCPT` and `421 too many errors` only mean that the session continued without a recipient. */
function removeAftermath(text: string, code: number): string {
  if (code < 500 || code === 503) return text;
  return text.replace(AFTERMATH, '');
}
