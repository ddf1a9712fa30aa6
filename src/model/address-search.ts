/** Finds an address in texts that others wrote, such as replies, whatever stands around it. */

/** What may stand before the first character of an address only as a part of it. `=` ends a tag: `prvs=TAG=bob@...`. */
const BEFORE = "[A-Za-z0-9.!#$%&'*+/?^_`{|}~-]";
/** What goes on behind a domain. */
const AFTER = '[A-Za-z0-9_-]|\\.[A-Za-z0-9]';

/**
 * A function that replaces the addresses in a text, upper and lower case alike; also where a return path carries one as
 * `bob=example.net` (VERP). A login without a domain is replaced only where it is the whole text: it may be a word.
 */
export function buildReplacer(
  addresses: readonly string[],
  replacement: string,
): (text: string) => string {
  const words = new Set(
    addresses.filter((one) => !one.includes('@')).map((one) => one.toLowerCase()),
  );
  const needles = addresses
    .filter((one) => one.includes('@'))
    .flatMap((one) => [one, one.replace(/@(?=[^@]*$)/, '=')])
    .map((one) => one.replace(/[.*+?^${}()|[\]\\/-]/g, '\\$&'));
  const pattern = new RegExp(`(?<!${BEFORE})(?:${needles.join('|')})(?!${AFTER})`, 'gi');
  return (text) => {
    if (words.has(text.toLowerCase())) return replacement;
    return needles.length === 0 ? text : text.replace(pattern, () => replacement);
  };
}
