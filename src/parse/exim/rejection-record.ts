/**
 * What rejection lines of all forms share: the client or local user that they are about (host.c, host_and_ident;
 * smtp_in.c), the record while it is read, and the text at the line's end with a callout's answer (verify.c).
 */
import { decodeText } from '../../model/line.ts';
import type { Client, RejectionRecord, Relay, Reply } from '../../model/record.ts';
import type { Mutable } from '../parser.ts';
import { Reader } from '../reader.ts';
import { hasHostEnd, looksForged, skipInterface, takeClient } from './host.ts';
import {
  parseReply,
  setReply,
  takeCString,
  takeNamedRelay,
  takeRemoteReply,
  toOneLine,
} from './reply.ts';

/** A rejection that is still being read. */
export type Rejection = Mutable<RejectionRecord>;

/** Whom a rejection line is about. */
export interface Identity {
  readonly client: Client | undefined;
  /** Unix login of a local SMTP session */
  readonly uid: string | undefined;
  /** A field in front of its end is free text, so where it ends is a guess. */
  readonly isForgeable: boolean;
}

const NOBODY: Identity = { client: undefined, uid: undefined, isForgeable: false };

/** All keys at once: V8 then keeps one shape for all rejections, which makes reading them fast. */
export function createRejection(
  queueId: string | undefined,
  { client, uid }: Identity = NOBODY,
): Rejection {
  return {
    kind: 'rejected',
    queueId,
    stage: undefined,
    client,
    user: undefined,
    uid,
    sender: undefined,
    recipient: undefined,
    code: undefined,
    status: undefined,
    reply: undefined,
    temporary: undefined,
    accepted: undefined,
    relay: undefined,
  };
}

/** Takes `H=HOST[ I=[IP]:PORT][ U=IDENT][ Ci=ID]` or `U=LOGIN[ Ci=ID]`, then ` X= CV= DN= SNI=`. */
export function takeIdentity(reader: Reader): Identity | undefined {
  const who = reader.literal('H=') ? takeRemote(reader) : takeLocal(reader);
  if (who === undefined) return undefined;
  if (reader.literal(' Ci=')) reader.word();
  if (reader.literal(' X=')) reader.word();
  if (reader.literal(' CV=')) reader.word();
  let { isForgeable } = who;
  if (reader.literal(' DN="')) {
    const name = takeCString(reader);
    if (name === undefined) return undefined;
    // Exim does not escape quotes here. GnuTLS does (RFC 4514); OpenSSL's `/CN=...` does not.
    isForgeable ||= name.startsWith('/') || hasHostEnd(name);
  }
  if (reader.literal(' SNI=')) reader.word();
  return { client: who.client, uid: who.uid, isForgeable };
}

function takeRemote(reader: Reader): Identity | undefined {
  const client = takeClient(reader);
  if (client === undefined) return undefined;
  skipInterface(reader);
  // The answer of an identd on the client's own machine: worthless, and any text.
  const hasIdent = reader.literal(' U=');
  if (hasIdent) reader.word();
  return { client, uid: undefined, isForgeable: hasIdent };
}

function takeLocal(reader: Reader): Identity | undefined {
  if (!reader.literal('U=')) return undefined;
  const login = reader.word();
  const uid = login === 'unknown' || login === undefined ? undefined : decodeText(login);
  return { client: undefined, uid, isForgeable: false };
}

/** Reads `[: TEXT]` up to the end into the record; undefined when TEXT could be the tail of the real line. */
export function finishWithText(reader: Reader, record: Rejection): RejectionRecord | undefined {
  if (!reader.literal(': ')) return record;
  const text = reader.rest();
  if (looksForged(text)) return undefined;
  setReason(record, text);
  return record;
}

/** Puts in an ACL's text, or what a host answered to a recipient callout. */
function setReason(record: Rejection, text: string): void {
  const reason = readReason(text);
  setReply(record, reason);
  record.relay = reason.relay;
}

/** The text of a refusal, and the host that was asked. */
export interface Reason extends Reply {
  readonly relay: Relay | undefined;
}

/** Reads an ACL's text, or what a host answered to a recipient callout: `NAME [IP] : SMTP error ...`. */
export function readReason(text: string): Reason {
  const reader = new Reader(text);
  const asked = takeNamedRelay(reader);
  if (asked !== undefined && !reader.literal(' : ')) reader.position = 0;
  const remote = takeRemoteReply(reader);
  // An answer to another command says nothing about the recipient: the text stays whole, and has no code.
  if (remote === undefined || remote.stage !== 'RCPT') {
    return { ...parseReply(toOneLine(text)), relay: undefined };
  }
  return { ...remote.reply, relay: asked ?? remote.relay };
}
