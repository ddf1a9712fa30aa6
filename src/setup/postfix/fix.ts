/** Fixes that `postern check` proposes for Postfix: text for main.cf, or a command where master.cf decides. Pure. */
import { splitWords } from './restriction-list.ts';
import type { List, SmtpdService } from './services.ts';

/**
 * How a restriction list of a service gets new lines, and what they replace; `render` makes them from what the list has
 * now. A service with a list of its own in master.cf does not see the one in main.cf.
 */
export function listFix(
  { name, written, overrides, places }: SmtpdService,
  list: List,
  render: (now: string) => string,
): string {
  const now = written(list);
  const lines = render(now).trimEnd();
  const before = `in place of:\n${list} =${now === '' ? '' : ` ${now}`}`;
  if (!overrides(list)) {
    const instead = now === '' ? '' : `\n${before}`;
    return `set this in ${places.mainCf}, then run ${places.reload}:\n${lines}${instead}`;
  }
  const value = masterValue(lines.replace(/^.*=\s*/, ''));
  if (/[\s']/.test(value)) {
    const text = lines.replace(/\s+/g, ' ');
    return `give ${name} this in ${places.masterCf}, then run ${places.reload}:\n  -o { ${text} }\n${before}`;
  }
  return `${places.postconf} -P '${name}/${list}=${value}', then run ${places.reload}\n${before}`;
}

/** A restriction list for `postconf -P`, which takes no white space; to smtpd a comma is as good. */
function masterValue(list: string): string {
  return splitWords(list)
    .map((word) => (word.startsWith('{') ? withoutSpace(word) : word))
    .join(',');
}

/**
 * `{ unix:socket, timeout=2s }`: white space around braces and commas says nothing. Inside a second pair of braces it
 * does (`{ default_action = DEFER try again }`), so such a group stays as it is.
 */
function withoutSpace(group: string): string {
  if (group.includes('{', 1)) return group;
  return group
    .replaceAll(/\s*([{}])\s*/g, '$1')
    .replaceAll(/[\s,]+/g, ',')
    .replaceAll('{,', '{')
    .replaceAll(',}', '}');
}
