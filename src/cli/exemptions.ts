/** Why somebody is exempt now, and which file and line says so: `postern allow`, `postern except`, or the configuration. */
import { quoteForShell } from '../base/escape.ts';
import { buildAllowList } from '../config/allow-list.ts';
import { type ExceptedKey, formatExceptedKey, readExceptions } from '../config/exceptions.ts';
import type { Config } from '../config/load.ts';
import { isWithin } from '../model/address.ts';
import type { Key } from '../model/block.ts';
import { isInDomain } from '../model/event-query.ts';
import { formatIdentity } from '../model/identity.ts';

/** One sentence each; none if nothing exempts the key. */
export function listExemptions(key: Key, config: Config): string[] {
  const lines = readExceptions(config.exceptions)
    .entries.filter((entry) => isAbout(entry.key, key))
    .map(({ rule, note, line }) => {
      const what = rule === undefined ? 'never blocked' : `left alone by the rule ${rule}`;
      const why = note === undefined ? '' : ` (${note})`;
      return `${formatIdentity(key)} is exempt: ${what}, by ${config.exceptions}:${line}${why}.`;
    });
  const { exceptions: _, ...configured } = config;
  const reason = buildAllowList(configured).reason(key);
  if (reason === undefined) return lines;
  return [...lines, `${formatIdentity(key)} is exempt: ${reason} (${config.file}).`];
}

/** Where `postern allow` says that the key is never blocked, and what takes it back; undefined if it does not. */
export function findAllowance(key: Key, { exceptions }: Config): string | undefined {
  const found = readExceptions(exceptions).entries.find(
    (entry) => entry.rule === undefined && isAbout(entry.key, key),
  );
  if (found === undefined) return undefined;
  const who = quoteForShell(formatExceptedKey(found.key));
  return `it is allowed by ${exceptions}:${found.line}; to take that back: postern allow ${who} --undo`;
}

function isAbout(excepted: ExceptedKey, { type, id }: Key): boolean {
  if (excepted.type === 'domain')
    return (
      (type === 'user' || type === 'sender') && id.includes('@') && isInDomain(id, excepted.id)
    );
  if (excepted.type !== type) return false;
  return type === 'client'
    ? isWithin(id, excepted.id)
    : id.toLowerCase() === excepted.id.toLowerCase();
}
