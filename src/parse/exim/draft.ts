/**
 * Parts that all rejection lines share: the record while it is being read, and the text at the line's end with
 * what a recipient callout was told.
 */
import type { RejectionRecord } from '../../model/record.ts';
import { Reader } from '../reader.ts';
import { type Identity, isForged } from './host.ts';
import { namedRelay, oneLine, putReply, remoteReply, trimReply } from './text.ts';

/** A rejection that is still being read. */
export type RejectionDraft = { -readonly [Key in keyof RejectionRecord]: RejectionRecord[Key] };

/** A rejection that names who it is about, as far as the line did. All keys at once, as in delivery.ts. */
export function createDraft(
  kind: RejectionRecord['kind'],
  queueId: string | undefined,
  { client, uid }: Identity,
): RejectionDraft {
  return {
    kind,
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
    putReply(draft, trimReply(oneLine(text)));
    return;
  }
  putReply(draft, remote.reply);
  draft.relay = asked ?? remote.relay;
}
