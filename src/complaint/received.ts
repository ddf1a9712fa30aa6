/** Received fields (RFC 5321 4.4), as Postfix and Exim write them. */

/** A queue ID of Postfix (short or long) or Exim. */
const QUEUE_ID =
  /^(?:[0-9A-F]{6,}|[0-9A-Za-z]{10,24}|[0-9A-Za-z]{6}-[0-9A-Za-z]{6,11}-[0-9A-Za-z]{2,4})$/;
/** A longer field is not one of a mail server's. */
const LONGEST_FIELD = 2000;

/** A host that took the message. */
interface Hop {
  readonly queueId: string;
  /** ms */
  readonly time: number;
}

/** The queue ID behind `id` and the date behind the last semicolon; undefined if there is no such pair. */
export function readReceived(field: string): Hop | undefined {
  if (field.length > LONGEST_FIELD) return undefined;
  const words = dropComments(field);
  const semicolon = words.lastIndexOf(';');
  if (semicolon < 0) return undefined;
  const time = Date.parse(words.slice(semicolon + 1).trim());
  const clauses = words.slice(0, semicolon).trim().split(/\s+/);
  const by = clauses.indexOf('by');
  const id = clauses.indexOf('id', by + 1);
  const queueId = by < 0 || id < 0 ? undefined : clauses[id + 1];
  if (queueId === undefined || !QUEUE_ID.test(queueId) || !(time >= 0)) return undefined;
  return { queueId, time };
}

/** The field without comments, which may be nested (RFC 5322 3.2.2). */
function dropComments(field: string): string {
  let depth = 0;
  let kept = '';
  for (const character of field) {
    if (character === '(') depth++;
    else if (character === ')' && depth > 0) depth--;
    else if (depth === 0) kept += character;
  }
  return kept;
}
