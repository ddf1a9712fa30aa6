/** Finds an address in texts that others wrote, such as replies, whatever stands around it. */

/** What may stand before the first character of an address only as a part of it. `=` ends a tag: `prvs=TAG=bob@...`. */
const BEFORE = "[A-Za-z0-9.!#$%&'*+/?^_`{|}~-]";
/** What goes on behind a domain. */
const AFTER = '[A-Za-z0-9_-]|\\.[A-Za-z0-9]';
/** What may stand before a mailbox only as a part of it. Not a quote or a slash: `user 'bob'`, `/home/bob`. */
const BEFORE_MAILBOX = '[A-Za-z0-9._+-]';

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

/**
 * A function that replaces the mailbox of an address, the part before its `@`, by that of another one: replies also name
 * it alone (`unknown user: "bob"`) or with another name of the domain. Only for texts about this address.
 */
export function buildMailboxReplacer(
  address: string,
  replacement: string,
): (text: string) => string {
  const mailbox = getMailbox(address);
  if (mailbox === '') return (text) => text;
  const name = mailbox.replace(/[.*+?^${}()|[\]\\/-]/g, '\\$&');
  const pattern = new RegExp(`(?<!${BEFORE_MAILBOX})${name}(?!${AFTER})`, 'gi');
  const other = getMailbox(replacement);
  return (text) => text.replace(pattern, () => other);
}

function getMailbox(address: string): string {
  return address.slice(0, Math.max(0, address.lastIndexOf('@')));
}
