/** IDs of what is counted: whatever is sent again, after a crash or because a log is read again, has the same ID. */
import { createHash } from 'node:crypto';

/** Characters in front of a member that name the value which a distinct rule compares. Known to the script, too. */
const VALUE = 8;
const EVENT = 12;

interface Counted {
  /** the host that counts it */
  readonly host: string;
  readonly source: string;
  readonly offset: number;
  /** ms */
  readonly time: number;
  readonly queueId?: string | undefined;
  readonly recipient?: string | undefined;
}

/**
 * The member of a sorted set: an event of a host. The path of the log is not enough, since files are rotated and queue
 * IDs come again, so the time belongs to it. `value`: what a distinct rule compares; undefined for any other rule.
 */
export function buildMember(event: Counted, value: string | undefined): string {
  const { host, source, offset, time, queueId = '', recipient = '' } = event;
  const id = digest([host, source, offset, time, queueId, recipient].join('\0'), EVENT);
  return value === undefined ? id : digest(value, VALUE) + id;
}

function digest(text: string, length: number): string {
  return createHash('sha256').update(text).digest('base64url').slice(0, length);
}
