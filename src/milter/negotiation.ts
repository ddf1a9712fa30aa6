/**
 * Option negotiation (`O`): the mail server offers, the filter answers with a part of the offer. One bit too many and
 * Sendmail drops the filter, so nothing is answered that was not offered. Pure.
 */
import { uint32 } from './frame.ts';

/** Bits of the first mask: what the filter may send. libmilter/mfapi.h, SMFIF_*. */
export const ACTIONS = {
  ADDHDRS: 0x001,
  CHGBODY: 0x002,
  ADDRCPT: 0x004,
  DELRCPT: 0x008,
  CHGHDRS: 0x010,
  QUARANTINE: 0x020,
  CHGFROM: 0x040,
  ADDRCPT_PAR: 0x080,
  SETSYMLIST: 0x100,
} as const;
export type ActionName = keyof typeof ACTIONS;

/** Bits of the second mask: what the mail server shall not send (`NO...`), what we do not answer (`NR_...`), extras. */
export const PROTOCOL = {
  NOCONNECT: 0x00_0001,
  NOHELO: 0x00_0002,
  NOMAIL: 0x00_0004,
  NORCPT: 0x00_0008,
  NOBODY: 0x00_0010,
  NOHDRS: 0x00_0020,
  NOEOH: 0x00_0040,
  NR_HDR: 0x00_0080,
  NOUNKNOWN: 0x00_0100,
  NODATA: 0x00_0200,
  SKIP: 0x00_0400,
  RCPT_REJ: 0x00_0800,
  NR_CONN: 0x00_1000,
  NR_HELO: 0x00_2000,
  NR_MAIL: 0x00_4000,
  NR_RCPT: 0x00_8000,
  NR_DATA: 0x01_0000,
  NR_UNKN: 0x02_0000,
  NR_EOH: 0x04_0000,
  NR_BODY: 0x08_0000,
  HDR_LEADSPC: 0x10_0000,
} as const;

/** Header and body are never looked at. */
const UNWANTED = PROTOCOL.NOBODY | PROTOCOL.NOHDRS | PROTOCOL.NOEOH | PROTOCOL.NOUNKNOWN;

/** Sendmail 8.12 offers 2; 6 is the newest. There is no 1 in use, and Sendmail refuses it. */
const OLDEST = 2;
const NEWEST = 6;
/** From here on a filter may say which macros it wants. */
const WITH_LISTS = 6;

/** What an old mail server means by a mask of 0. */
const V1_ACTIONS = 0x0f;
const V1_PROTOCOL = 0x3f;

/**
 * The macros that are wanted, by stage; the numbers are not in the order of the protocol. An empty list keeps Sendmail
 * from sending any: over TCP each MACRO frame costs 40 ms there, which matters at RCPT. Sendmail 8.17 takes the list of
 * the end of message (5) only together with that of the end of headers (6).
 */
const MACRO_LISTS: readonly (readonly [stage: number, names: string])[] = [
  [0, 'j {daemon_name} {client_addr} {client_name} {client_port}'],
  [1, ''],
  [2, 'i {auth_type} {auth_authen}'],
  [3, ''],
  [4, 'i'],
  [5, 'i'],
  [6, 'i'],
];

export interface Negotiated {
  readonly version: number;
  readonly actions: ReadonlySet<ActionName>;
  /** the commands that get no reply */
  readonly silent: ReadonlySet<SilentStage>;
  /** data of the answer, a byte string */
  readonly answer: string;
}

/** Commands at which nobody may want to refuse, so that Postfix need not wait for a reply. */
export type SilentStage = 'connect' | 'mail';

/** What the handlers need. */
export interface Wanted {
  /** what they may change */
  readonly actions: readonly ActionName[];
  /** the stages that they look at; MAIL, RCPT and DATA are needed in any case, to know the message */
  readonly stages: ReadonlySet<'connect' | 'helo' | 'mail'>;
}

/**
 * Answers an offer. A reply that is not expected saves Postfix a round trip; HELO is not sent if nobody looks at it.
 * Undefined if the mail server is older than version 2.
 */
export function negotiate(
  offer: { readonly version: number; readonly actions: number; readonly protocol: number },
  wanted: Wanted,
): Negotiated | undefined {
  if (offer.version < OLDEST) return undefined;
  const version = Math.min(offer.version, NEWEST);
  const offered = offer.actions === 0 ? V1_ACTIONS : offer.actions;
  const names: readonly ActionName[] =
    version >= WITH_LISTS ? ['SETSYMLIST', ...wanted.actions] : wanted.actions;
  const actions = new Set(names.filter((name) => (offered & ACTIONS[name]) !== 0));
  const mask = [...actions].reduce((bits, name) => bits | ACTIONS[name], 0);
  const protocol = chooseProtocol(wanted) & (offer.protocol === 0 ? V1_PROTOCOL : offer.protocol);
  const silent = new Set(
    SILENT.filter(([, bit]) => (protocol & bit) !== 0).map(([stage]) => stage),
  );
  const lists = actions.has('SETSYMLIST') ? formatLists() : '';
  const answer = uint32(version) + uint32(mask) + uint32(protocol) + lists;
  return { version, actions, silent, answer };
}

const SILENT = [
  ['connect', PROTOCOL.NR_CONN],
  ['mail', PROTOCOL.NR_MAIL],
] as const;

function chooseProtocol({ stages }: Wanted): number {
  const silent = SILENT.filter(([stage]) => !stages.has(stage)).map(([, bit]) => bit);
  return [stages.has('helo') ? 0 : PROTOCOL.NOHELO, ...silent].reduce(
    (all, bit) => all | bit,
    UNWANTED,
  );
}

function formatLists(): string {
  return MACRO_LISTS.map(([stage, names]) => `${uint32(stage)}${names}\0`).join('');
}

/** The names of the bits of a mask, for log lines. */
export function nameBits(table: Readonly<Record<string, number>>, mask: number): string[] {
  return Object.keys(table).filter((name) => (mask & (table[name] as number)) !== 0);
}
