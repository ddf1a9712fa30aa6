/** Words and numbers as people read them. */

/** `1 line`, `2 lines`; for nouns whose plural ends in s. */
export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
