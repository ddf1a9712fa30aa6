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
  const finding = recall(reply, code, status, stage);
  if (finding.reason !== 'invalid-recipient' && finding.reason !== 'invalid-domain') return finding;
  if (refusal.cached === true || finding.cached === true) return ABOUT_ANOTHER_MESSAGE;
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
let young = new Map<string, CachedFinding>();
let old = new Map<string, CachedFinding>();

/**
 * What was found for this shape of reply before, else what is found now. The cache has two generations: a finding that
 * is used moves to the young one. When the young one is full it becomes the old one, and the old one is dropped.
 */
function recall(
  reply: string,
  code: ReplyFacts['code'],
  status: ReplyFacts['status'],
  stage: ReplyFacts['stage'],
): CachedFinding {
  const shape = reduceToShape(`${code ?? ''} ${status ?? ''} ${stage ?? ''}\n`, reply);
  let finding = young.get(shape);
  if (finding !== undefined) return finding;
  finding = old.get(shape) ?? find(shape.slice(shape.indexOf('\n') + 1), { code, status, stage });
  if (shape.length > LONGEST_SHAPE) return finding;
  if (young.size >= CACHE_LIMIT) {
    old = young;
    young = new Map();
  }
  young.set(shape, finding);
  return finding;
}

/** What the log says about the reply takes precedence over what the reply itself says. */
function find(shape: string, { code, status, stage }: ReplyFacts): CachedFinding {
  const reply = readReply(shape);
  const wording = normalise(removeCodes(reply.text, reply.code));
  const finding = findReason(wording, {
    code: code ?? reply.code,
    status: status ?? reply.status,
    stage: stage ?? reply.stage,
  });
  return reply.cached === true ? { ...finding, cached: true } : finding;
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
