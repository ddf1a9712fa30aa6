/** Words and numbers as people read them, and letters as mail servers compare them. */

/** `1 line`, `2 lines`; for nouns whose plural ends in s. */
export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

/**
 * Lower case of A to Z alone, as C's `tolower` and the mail servers have it: `toLowerCase` would also change letters that
 * they leave, and bytes of UTF-8 in byte strings.
 */
export function lowerAscii(text: string): string {
  // Nearly all of them have none, which is found out in a fraction of the time.
  return /[A-Z]/.test(text) ? text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase()) : text;
}
