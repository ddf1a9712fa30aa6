/**
 * Changes of the envelope at the end of a message, in the one order that is right in Postfix and Sendmail: recipients are
 * deleted, then added, then the sender is replaced. Adding first can lose a recipient that Sendmail takes for the
 * deleted one. Pure. Throws a RangeError for an address that would break the frame or the SMTP command: a bug of ours.
 */
import { encodeFrame } from './frame.ts';
import type { ActionName } from './negotiation.ts';

/** Addresses with or without angle brackets, as byte strings. */
export type Change =
  | {
      readonly kind: 'delete-recipient';
      /** exactly what RCPT had (`EnvelopeAddress.argument`): anything else deletes nothing, without an error */
      readonly argument: string;
    }
  | {
      readonly kind: 'add-recipient';
      readonly address: string;
      /** `NOTIFY=...` and `ORCPT=...`; others, and values against RFC 3461, are left out */
      readonly parameters?: readonly string[];
    }
  | {
      readonly kind: 'replace-sender';
      /** empty: the null reverse-path. RET and ENVID of the client stay. */
      readonly address: string;
    };

const ORDER: readonly Change['kind'][] = ['delete-recipient', 'add-recipient', 'replace-sender'];

/** What each change needs. ADDRCPT_PAR is used when it was negotiated. */
const NEEDED: Readonly<Record<Change['kind'], readonly ActionName[]>> = {
  'delete-recipient': ['DELRCPT'],
  'add-recipient': ['ADDRCPT_PAR', 'ADDRCPT'],
  'replace-sender': ['CHGFROM'],
};

/** Why these changes cannot be made with this mail server; undefined if they can. */
export function findForbidden(
  changes: readonly Change[],
  actions: ReadonlySet<ActionName>,
): string | undefined {
  const kind = changes.find((one) => !NEEDED[one.kind].some((name) => actions.has(name)))?.kind;
  return kind === undefined ? undefined : `${NEEDED[kind].at(-1)} was not negotiated`;
}

/** The frames, in their order. */
export function encodeChanges(
  changes: readonly Change[],
  actions: ReadonlySet<ActionName>,
): string {
  return ORDER.flatMap((kind) => changes.filter((change) => change.kind === kind))
    .map((change) => encodeChange(change, actions))
    .join('');
}

function encodeChange(change: Change, actions: ReadonlySet<ActionName>): string {
  if (change.kind === 'delete-recipient') return encodeFrame('-', `${unbroken(change.argument)}\0`);
  if (change.kind === 'replace-sender') return encodeFrame('e', `${bracketed(change.address)}\0`);
  const address = bracketed(change.address);
  const parameters = (change.parameters ?? []).filter(isDsnParameter).join(' ');
  if (parameters === '' || !actions.has('ADDRCPT_PAR'))
    return encodePlainRecipient(address, actions);
  return encodeFrame('2', `${address}\0${parameters}\0`);
}

function encodePlainRecipient(address: string, actions: ReadonlySet<ActionName>): string {
  return encodeFrame(actions.has('ADDRCPT') ? '+' : '2', `${address}\0`);
}

/** A mailbox of RFC 5321 4.1.2, roughly: a dot-string or a quoted string, and a domain that has no blank. */
const MAILBOX =
  /^(?:"(?:[^"\\\x00-\x1f\x7f]|\\[\x20-\x7e])*"|[^\x00-\x20\x7f<>"\\,;@]+)(?:@[^\x00-\x20\x7f<>"\\,;@]+)?$/;

function bracketed(address: string): string {
  const bare = address.startsWith('<') && address.endsWith('>') ? address.slice(1, -1) : address;
  if (bare !== '' && !MAILBOX.test(bare)) throw new RangeError('not a mailbox for an envelope');
  return `<${bare}>`;
}

function unbroken(argument: string): string {
  if (argument.includes('\0')) throw new RangeError('a NUL byte in an address');
  return argument;
}

/**
 * RFC 3461 4.1, 4.2: NOTIFY is NEVER alone or a list of the others; ORCPT is an address type and xtext. Sendmail drops a
 * recipient with any other parameter.
 */
const NOTIFY = /^NOTIFY=(?:NEVER|(?:SUCCESS|FAILURE|DELAY)(?:,(?:SUCCESS|FAILURE|DELAY))*)$/i;
const ORCPT = /^ORCPT=[A-Za-z0-9-]+;(?:[\x21-\x2a\x2c-\x3c\x3e-\x7e]|\+[0-9A-F]{2})+$/i;
/** RFC 3461 4.2: at most 500 characters. */
const LONGEST_PARAMETER = 500;

function isDsnParameter(parameter: string): boolean {
  return parameter.length <= LONGEST_PARAMETER && (NOTIFY.test(parameter) || ORCPT.test(parameter));
}

/** RFC 3461 4: what is not a printable ASCII character other than `+` and `=` becomes `+` and two hex digits. */
export function encodeXtext(bytes: string): string {
  return bytes.replace(
    /[^\x21-\x2a\x2c-\x3c\x3e-\x7e]/g,
    (char) => `+${char.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`,
  );
}
