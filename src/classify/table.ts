/**
 * The table of all wordings that Postern knows, in order of precedence, and the look-up in it: the first entry that
 * matches decides. The wordings are in wordings/, by their subject.
 */
import type { Reason } from '../model/event.ts';
import type { Stage } from '../model/record.ts';
import { type Finding, findByCodes } from './codes.ts';
import { AUTHENTICATION, LOOPS } from './wordings/authentication.ts';
import { DOMAIN } from './wordings/domain.ts';
import type { ReasonEntry } from './wordings/entry.ts';
import { HOSTS } from './wordings/host.ts';
import { PERSON } from './wordings/mailbox.ts';
import { CONTENT, MESSAGE_REFUSED, POLICY, SIZE } from './wordings/message.ts';
import { BEGINS_WITH_CODE, CODES, PROVIDERS } from './wordings/provider.ts';
import { FULL } from './wordings/quota.ts';
import { HOST_REFUSED, SENDERS } from './wordings/sender.ts';
import { NETWORK, SYSTEM } from './wordings/transport.ts';

export const REASON_TABLE: readonly ReasonEntry[] = [
  ...CODES,
  ...PROVIDERS,
  ...LOOPS,
  ...SIZE,
  ...AUTHENTICATION,
  ...FULL,
  ...HOSTS,
  ...SENDERS,
  ...CONTENT,
  ...POLICY,
  ...PERSON,
  ...DOMAIN,
  ...NETWORK,
  ...HOST_REFUSED,
  ...MESSAGE_REFUSED,
  ...SYSTEM,
];

/** What is known about a reply besides its words. */
export interface ReplyFacts {
  readonly code: number | undefined;
  readonly status: string | undefined;
  /** the command that was answered */
  readonly stage: Stage | undefined;
}

interface PreparedEntry extends ReasonEntry {
  /** matches any of the literals; as one expression this takes a third of the time of one search for each literal */
  readonly gate: RegExp;
}

/** Leaves out each literal that contains another one: whatever has the longer one has the shorter one as well. */
function toGate(literals: string): RegExp {
  const all = [...new Set(literals.split('|'))];
  const shortest = all.filter(
    (literal) => !all.some((other) => other !== literal && literal.includes(other)),
  );
  return new RegExp(shortest.join('|').replace(/[.*+?^${}()[\]\\]/g, '\\$&'));
}

const PREPARED: readonly PreparedEntry[] = REASON_TABLE.map((entry) => ({
  ...entry,
  gate: toGate(entry.literals),
}));

const WITHOUT_CODES = PREPARED.slice(CODES.length);

/** RFC 5321 4.3.2: the command came at the wrong time, so `no recipient` is not about anybody. */
const BAD_SEQUENCE = 503;

/** RFC 4954 6: a client that gets one of these has not logged in, even if the text is about accounts and users. */
const LOGIN_CODES: ReadonlySet<number | undefined> = new Set([435, 534, 535, 538]);

/** Finds the reason for a wording as `normalise` gives it; `other` by `none` if nothing shows it. */
export function findReason(wording: string, facts: ReplyFacts): Finding {
  const { code, status } = facts;
  const stage = facts.stage ?? (LOGIN_CODES.has(code) ? 'AUTH' : undefined);
  const temporary = code === undefined ? status?.startsWith('4') === true : code < 500;
  for (const entry of BEGINS_WITH_CODE.test(wording) ? PREPARED : WITHOUT_CODES) {
    if (!matches(entry, wording, status, temporary)) continue;
    if (entry.coded === true && code === undefined) continue;
    if (entry.stages !== undefined && (stage === undefined || !entry.stages.includes(stage)))
      continue;
    const reason = adaptToStage(entry.reason, stage);
    if (reason === 'invalid-recipient' && code === BAD_SEQUENCE) continue;
    if (reason !== undefined) return { reason, by: entry.name };
  }
  const { reason, by } = findByCodes(code, status, wording);
  if (by === 'none' && stage === 'CONNECT' && code !== undefined && !temporary) {
    return { reason: 'reputation', by: 'stage' };
  }
  if (reason === 'invalid-recipient' && stage !== undefined && AFTER_RECIPIENT.has(stage)) {
    return { reason: 'other', by: 'none' };
  }
  return { reason: adaptToStage(reason, stage) ?? 'other', by };
}

function matches(
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

const BEFORE_RECIPIENT: ReadonlySet<Stage> = new Set<Stage>([
  'CONNECT',
  'HELO',
  'STARTTLS',
  'AUTH',
  'MAIL',
  'ETRN',
]);
const AFTER_RECIPIENT: ReadonlySet<Stage> = new Set<Stage>(['DATA', 'EOM']);

/** Before RCPT no reply is about a recipient: there, `unknown` means the sender or the HELO name. */
function adaptToStage(reason: Reason, stage: Stage | undefined): Reason | undefined {
  if (stage === undefined || !BEFORE_RECIPIENT.has(stage)) return reason;
  if (reason === 'invalid-recipient') return stage === 'MAIL' ? 'reputation' : undefined;
  if (reason === 'invalid-domain') return stage === 'CONNECT' ? reason : 'reputation';
  return reason;
}
