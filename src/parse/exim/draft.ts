/**
 * Parts that all rejection lines share: the record while it is being read, and the text at the line's end with
 * what a recipient callout was told.
 */
import type { RejectionRecord } from '../../model/record.ts';
import { Reader } from '../reader.ts';
import { type Identity, isForged } from './host.ts';
import { namedRelay, oneLine, remoteReply, replyOf } from './text.ts';

/** A rejection that is still being read. */
export type RejectionDraft = { -readonly [Key in keyof RejectionRecord]: RejectionRecord[Key] };

/** A rejection that names who it is about, as far as the line did. */
export function draftOf(
  kind: RejectionRecord['kind'],
  queueId: string | undefined,
  who: Identity,
): RejectionDraft {
  const draft: RejectionDraft = { kind };
  if (queueId !== undefined) draft.queueId = queueId;
  if (who.client !== undefined) draft.client = who.client;
  if (who.uid !== undefined) draft.uid = who.uid;
  return draft;
}

/** Reads `[: TEXT]` up to the end into the record; undefined when TEXT could be the real line's tail. */
export function withText(reader: Reader, draft: RejectionDraft): RejectionRecord | undefined {
  if (!reader.literal(': ')) return draft;
  const text = reader.rest();
  if (isForged(text)) return undefined;
  explain(draft, text);
  return draft;
}

/** An ACL's text, or what the host said that a recipient callout asked: `NAME [IP] : SMTP error ...`. */
function explain(draft: RejectionDraft, text: string): void {
  const reader = new Reader(text);
  const asked = namedRelay(reader);
  if (asked !== undefined && !reader.literal(' : ')) reader.position = 0;
  const remote = remoteReply(reader);
  // An answer to another command says nothing about the recipient: it keeps its frame, and no code.
  if (remote === undefined || remote.stage !== 'RCPT') {
    Object.assign(draft, replyOf(oneLine(text)));
    return;
  }
  Object.assign(draft, remote.reply);
  const relay = asked ?? remote.relay;
  if (relay !== undefined) draft.relay = relay;
}
