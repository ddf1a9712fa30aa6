/**
 * The recipe from the exim-users list that blocks submitters of too many invalid recipients by itself: `ratelimit = LIM
 * / PERIOD / per_rcpt / user-$acl_m_user`, and a `run` that appends to `blocked_users` and mails WARNTO. What Postern
 * takes over from it. Pure; reads what `exim -bP config` prints, with macros expanded.
 */
import { dropUndefined } from '../../base/defined.ts';
import { DAY, formatDuration, parseDuration } from '../../base/time.ts';
import type { ExistingRecipe, LoginHints } from '../installation.ts';
import { aclsIn } from './acls.ts';

const RATE = /^\s*ratelimit\s*=\s*(\d+)\s*\/\s*(\w+)\s*\/.*\bper_rcpt\b/m;
const FILE = />>\s*(\/[\w.+@/-]+)/;
/** The last word of the command that mails the notice. */
const NOTIFY = /\|\s*\/\S*\s(?:.*\s)?([^\s@"'{}|;]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+)\s*"/;

/** The first statement of the recipe that limits a rate and appends to a file; `spool`: `$spool_directory`. */
export function findExistingRecipe(config: string, spool: string): ExistingRecipe | undefined {
  const statements = [...aclsIn(config, spool).values()].flat();
  for (const statement of statements) {
    const [, limit, period] = RATE.exec(statement) ?? [];
    const file = FILE.exec(statement)?.[1];
    if (limit === undefined || file === undefined) continue;
    const length = readPeriod(Number(limit), period ?? '');
    return dropUndefined({
      file,
      limit: Number(limit),
      period: length === undefined ? undefined : formatDuration(length),
      notify: NOTIFY.exec(statement)?.[1],
    });
  }
  return undefined;
}

/** ms; undefined for what no rule can have. */
function readPeriod(limit: number, period: string): number | undefined {
  const length = parseDuration(period);
  const isRule = length !== undefined && length <= 31 * DAY && limit >= 1 && limit <= 10_000;
  return isRule ? length : undefined;
}

/** How the ACLs name a user: `$authenticated_id` whole, or with something cut off. */
export function findLoginCut(config: string): Pick<LoginHints, 'cut' | 'cutBy'> {
  const names = config.matchAll(/^\s*set\s+acl_m_\w+\s*=\s*(\S*\$\{?authenticated_id\b.*)$/gm);
  for (const [, cutBy = ''] of names) {
    const cut = readCut(cutBy.trim());
    if (cut !== undefined) return { cut, cutBy: cutBy.trim() };
  }
  return {};
}

function readCut(expression: string): LoginHints['cut'] {
  if (/^\$\{sg\{\$authenticated_id\}\{(?:\\N)?\\W\.\*\$?(?:\\N)?\}\{\}\}$/.test(expression))
    return 'word';
  const isLocalPart = /^\$\{local_part:\s*\$authenticated_id\}$/.test(expression);
  const isSubstitution = /^\$\{sg\{\$authenticated_id\}\{(?:\\N)?@\.\*\$?(?:\\N)?\}\{\}\}$/.test(
    expression,
  );
  return isLocalPart || isSubstitution ? 'domain' : undefined;
}
