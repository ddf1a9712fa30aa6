/** Exim's lists. Pure. */

/** Items of an Exim list: separated by colons, or by the character after `<`; a doubled separator is a plain one. */
export function listItems(list: string): string[] {
  const text = list.trim();
  const separator = /^<[^\s\w]/.test(text) ? (text[1] as string) : ':';
  const body = separator === ':' && !text.startsWith('<:') ? text : text.slice(2);
  return body
    .replaceAll(separator + separator, '\0')
    .split(separator)
    .map((item) => item.replaceAll('\0', separator).trim())
    .filter((item) => item !== '');
}
