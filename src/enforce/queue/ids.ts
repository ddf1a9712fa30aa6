/**
 * Queue IDs come from a log, from the queue and from operators. Each is checked against the grammar of the mail server
 * before it is passed to a command: `ALL`, which postsuper takes for the whole queue, is not an ID.
 */

/** Postfix short IDs (microseconds and inode in hexadecimal) and long IDs (base 52 without vowels), mail_queue.h. */
export function isPostfixQueueId(id: string): boolean {
  if (id.length > 64) return false;
  return (
    /^[0-9A-F]{6,21}$/.test(id) ||
    /^[0-9B-DF-HJ-NP-TV-Zb-df-hj-np-tv-z]{10,}z[0-9B-DF-HJ-NP-TV-Zb-df-hj-np-tv-y]+$/.test(id)
  );
}

/** Exim message IDs: 6-6-2 characters of base 62, since 4.97 6-11-4. */
export function isEximMessageId(id: string): boolean {
  return /^[0-9A-Za-z]{6}-(?:[0-9A-Za-z]{6}-[0-9A-Za-z]{2}|[0-9A-Za-z]{11}-[0-9A-Za-z]{4})$/.test(
    id,
  );
}

/** Each ID once, apart from what is none. */
export function checkIds(
  given: readonly string[],
  isId: (id: string) => boolean,
): { ids: string[]; refused: string[] } {
  const unique = [...new Set(given)];
  return { ids: unique.filter(isId), refused: unique.filter((id) => !isId(id)) };
}
