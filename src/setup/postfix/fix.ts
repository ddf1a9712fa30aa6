/** Fixes that `postern check` proposes for Postfix: text for main.cf, or a command where master.cf decides. Pure. */
import type { SmtpdService } from './services.ts';

/**
 * How a restriction list of a service gets new lines; `render` makes them from what the list has now. A service with
 * a list of its own in master.cf does not see the one in main.cf.
 */
export function listFix(
  { name, setting, overrides }: SmtpdService,
  list: string,
  render: (now: string) => string,
): string {
  const lines = render(setting(list));
  if (!overrides(list)) return `set this in main.cf, then run postfix reload:\n${lines.trimEnd()}`;
  const value = masterValue(lines.replace(/^.*=\s*/, ''));
  return `postconf -P '${name}/${list}=${value}', then run postfix reload`;
}

/** A restriction list for `postconf -P`, which takes no white space; to smtpd a comma is as good. */
function masterValue(list: string): string {
  return list
    .trim()
    .replaceAll(/\s*([{}])\s*/g, ' $1 ')
    .replaceAll(/[\s,]+/g, ',')
    .replaceAll('{,', '{')
    .replaceAll(',}', '}')
    .replace(/,$/, '');
}
