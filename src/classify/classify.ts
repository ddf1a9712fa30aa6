/**
 * An SMTP or MTA reply to the reason why a recipient was refused. Pure: the same input gives the same reason.
 *
 * The words decide (`reason-table.ts`), then the enhanced status (RFC 3463), then the code, else it is `other`.
 * It does not know who sent the mail and looks at no other line. Any string gives a reason; nothing is thrown.
 * Linear: at most 4096 characters are read, and answers are remembered by wording.
 */
import type { Reason } from '../model/event.ts';
import type { Stage } from '../model/record.ts';
import type { ReasonEntry } from './entry.ts';
import { normalise, TEXT_LIMIT } from './normalise.ts';
import { namesOnlyOthers } from './other-address.ts';
import { type FramedReply, readReply } from './reply.ts';
import { reduceToShape } from './shape.ts';
import { REASON_TABLE } from './table.ts';
import { fallback } from './wordings/fallback.ts';

/** What is known about a refusal; everything may be missing. */
export interface Refusal {
  /** the reply, with or without the MTA's frame */
  readonly reply?: string | undefined;
  readonly code?: number | undefined;
  readonly status?: string | undefined;
  /** the command that was answered */
  readonly stage?: Stage | undefined;
  /** the text is an answer that another message got: it says nothing about this recipient */
  readonly cached?: boolean | undefined;
  readonly recipient?: string | undefined;
}

/** How a reason was found: the name of a table entry, or `status`, `code`, `stage`, `cached`, `other-address`, `none`. */
interface Finding {
  readonly reason: Reason;
  readonly by: string;
}

/** Reply code, enhanced status and the reply without the MTA's frame (RFC 5321 4.2, RFC 3463 2). */
export function parseReply(text: string): Pick<FramedReply, 'code' | 'status' | 'text'> {
  const { stage: _stage, cached: _cached, ...reply } = readReply(text);
  return reply;
}

const BEFORE_RECIPIENT: ReadonlySet<Stage> = new Set<Stage>([
  'CONNECT',
  'HELO',
  'STARTTLS',
  'AUTH',
  'MAIL',
  'ETRN',
]);
const AFTER_RECIPIENT: ReadonlySet<Stage> = new Set<Stage>(['DATA', 'EOM']);

/** The reason of a refusal; `other` when nothing speaks. */
export function classify(input: Refusal): Reason {
  return explainReason(input).reason;
}

/** `classify`, with the entry that decided. */
export function explainReason(input: Refusal): Finding {
  const { reply = '', stage, recipient } = input;
  const status = (input.status?.length ?? 0) <= STATUS_LIMIT ? input.status : undefined;
  const finding = remembered(reply, input.code, status, stage);
  if (finding.reason !== 'invalid-recipient' && finding.reason !== 'invalid-domain') return finding;
  if (input.cached === true || finding.cached === true) return ABOUT_ANOTHER_MESSAGE;
  if (finding.reason === 'invalid-recipient' && namesOnlyOthers(reply, recipient)) {
    return ABOUT_ANOTHER_ADDRESS;
  }
  return finding;
}

const ABOUT_ANOTHER_MESSAGE: Finding = { reason: 'other', by: 'cached' };
const ABOUT_ANOTHER_ADDRESS: Finding = { reason: 'other', by: 'other-address' };

interface CachedFinding extends Finding {
  readonly cached?: boolean;
}

/** `5.123.123` has nine characters; anything much longer is none. */
const STATUS_LIMIT = 12;
const CACHE_LIMIT = 4096;
/** Of a reply that is remembered; more than that, and a stranger's replies would fill the memory. */
const LONGEST_SHAPE = 1024;
let young = new Map<string, CachedFinding>();
let old = new Map<string, CachedFinding>();

/** Two generations: what is asked for moves to the young one, what was not since the last turn is dropped. */
function remembered(reply: string, code?: number, status?: string, stage?: Stage): CachedFinding {
  const shape = reduceToShape(`${code ?? ''} ${status ?? ''} ${stage ?? ''}\n`, reply);
  let finding = young.get(shape);
  if (finding !== undefined) return finding;
  finding = old.get(shape) ?? findReply(shape.slice(shape.indexOf('\n') + 1), code, status, stage);
  if (shape.length > LONGEST_SHAPE) return finding;
  if (young.size >= CACHE_LIMIT) {
    old = young;
    young = new Map();
  }
  young.set(shape, finding);
  return finding;
}

function findReply(shape: string, code?: number, status?: string, stage?: Stage): CachedFinding {
  const reply = readReply(shape);
  const wording = normalise(withoutCodes(reply.text, reply.code));
  const found = find(wording, code ?? reply.code, status ?? reply.status, stage ?? reply.stage);
  return reply.cached === true ? { ...found, cached: true } : found;
}

const REPEATED =
  /(^| )([245][0-9][0-9])(?=[- ]|$)[- ]?(?:#?[245]\.[0-9]{1,3}\.[0-9]{1,3}(?![.0-9]))?[ ,:]*/g;

/** The codes of all lines of a multi-line reply are taken out, so that sentences are whole again. */
function withoutCodes(text: string, code: number | undefined): string {
  if (code === undefined) return text.replace(/^#?[245]\.[0-9]{1,3}\.[0-9]{1,3}(?=[ :]) ?/, '');
  const own = String(code);
  return withoutAftermath(text.slice(0, TEXT_LIMIT), code).replace(
    REPEATED,
    (all, before: string, found: string) => (found === own ? before : all),
  );
}

const AFTERMATH =
  / (?:503(?=[ -](?:[A-Z0-9#]|need|valid))|421(?=[ -][^a-z]{0,6}(?:[^ ]{1,64} )?Error: too many errors))(?:(?! [245][0-9][0-9][ -]).)*/g;

/** After a 5yz, `503 need RCPT` and `421 too many errors` only say that the session went on without a recipient. */
function withoutAftermath(text: string, code: number): string {
  if (code < 500 || code === 503) return text;
  return text.replace(AFTERMATH, '');
}

interface PreparedEntry extends ReasonEntry {
  /** any of the literals; as one expression it takes a third of the time that one search for each takes */
  readonly gate: RegExp;
}

const PREPARED: readonly PreparedEntry[] = REASON_TABLE.map((entry) => ({
  ...entry,
  gate: new RegExp(entry.literals.replace(/[.*+?^${}()[\]\\]/g, '\\$&')),
}));

/** RFC 4954 6: who gets one of these has not logged in, whatever it says of accounts and users. */
const LOGIN_CODES: ReadonlySet<number | undefined> = new Set([435, 534, 535, 538]);

function find(wording: string, code?: number, status?: string, at?: Stage): Finding {
  const stage = at ?? (LOGIN_CODES.has(code) ? 'AUTH' : undefined);
  const temporary = code === undefined ? status?.startsWith('4') === true : code < 500;
  for (const entry of PREPARED) {
    if (!speaks(entry, wording, status, temporary)) continue;
    if (entry.stages !== undefined && (stage === undefined || !entry.stages.includes(stage)))
      continue;
    const reason = atStage(entry.reason, stage);
    if (reason !== undefined) return { reason, by: entry.name };
  }
  const { reason, by } = fallback(code, status, wording);
  if (by === 'none' && stage === 'CONNECT' && code !== undefined && !temporary) {
    return { reason: 'reputation', by: 'stage' };
  }
  if (reason === 'invalid-recipient' && stage !== undefined && AFTER_RECIPIENT.has(stage)) {
    return { reason: 'other', by: 'none' };
  }
  return { reason: atStage(reason, stage) ?? 'other', by };
}

function speaks(
  entry: PreparedEntry,
  wording: string,
  status: string | undefined,
  temporary: boolean,
): boolean {
  if (temporary ? entry.permanent === true : entry.temporary === true) return false;
  if (entry.status !== undefined && !entry.status.includes(status?.slice(2) ?? '')) return false;
  if (!entry.gate.test(wording)) return false;
  if (entry.pattern !== undefined && !entry.pattern.test(wording)) return false;
  return entry.unless === undefined || !entry.unless.test(wording);
}

/** Before RCPT nothing was said about a recipient yet: unknown is then the sender or the HELO name. */
function atStage(reason: Reason, stage: Stage | undefined): Reason | undefined {
  if (stage === undefined || !BEFORE_RECIPIENT.has(stage)) return reason;
  if (reason === 'invalid-recipient') return stage === 'MAIL' ? 'reputation' : undefined;
  if (reason === 'invalid-domain') return stage === 'CONNECT' ? reason : 'reputation';
  return reason;
}
