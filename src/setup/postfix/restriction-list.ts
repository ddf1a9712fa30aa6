/**
 * smtpd's restriction lists as text: split as mystrtokq() of Postfix splits them (mystrtok.c), and read as
 * generic_checks() reads them (smtpd_check.c): names, arguments, `warn_if_reject`. Pure.
 */

/** A restriction of a list. */
export interface Entry {
  /** as it is written, with `warn_if_reject` in front and its argument */
  readonly text: string;
  /** lower case: for its own restrictions, Postfix does not distinguish case */
  readonly name: string;
  /** the same as it is written; for a table alone, the table */
  readonly written: string;
  /** the table, policy service or domain */
  readonly argument?: string;
  /** after `warn_if_reject`: refusals are only logged */
  readonly warns: boolean;
}

/** The words of a list. Commas and white space separate them, but not inside braces. */
export function splitWords(list: string): string[] {
  const words: string[] = [];
  let word = '';
  let depth = 0;
  for (const char of list) {
    if (depth === 0 && /[\s,]/.test(char)) {
      if (word !== '') words.push(word);
      word = '';
      continue;
    }
    if (char === '{') depth++;
    else if (char === '}' && depth > 0) depth--;
    word += char;
  }
  return word === '' ? words : [...words, word];
}

/**
 * The restrictions of a list. `bare`: the restriction that a table without one stands for in this list
 * (`hash:/etc/postfix/access` alone); without it such a table has the name `''`, and smtpd answers 451.
 */
export function parseEntries(list: string, bare = ''): Entry[] {
  const entries: Entry[] = [];
  const words = splitWords(list);
  for (let at = 0; at < words.length; at++) {
    const start = at;
    while (/^warn_if_reject$/i.test(words[at] ?? '') && at + 1 < words.length) at++;
    const word = words[at] as string;
    const warns = at > start;
    if (word.includes(':') && !word.startsWith('$')) {
      const text = words.slice(start, at + 1).join(' ');
      entries.push({ text, name: bare, written: word, argument: word, warns });
      continue;
    }
    const name = word.toLowerCase();
    const argument = takesArgument(name) ? words[at + 1] : undefined;
    if (argument !== undefined) at++;
    const text = words.slice(start, at + 1).join(' ');
    entries.push({
      text,
      name,
      written: word,
      warns,
      ...(argument === undefined ? {} : { argument }),
    });
  }
  return entries;
}

const OLD = ['check_relay_domains', 'check_recipient_maps'];

function takesArgument(name: string): boolean {
  if (name.startsWith('check_')) return !OLD.includes(name);
  const asksDns = /^(?:reject|permit)_(?:rbl|rhsbl|dnswl|rhswl)_\w+$/;
  return asksDns.test(name) || name === 'reject_rbl' || name === 'sleep';
}

/** A table without `proxy:`, which only says who opens it. */
export function plainTable(argument: string): string {
  return argument.replace(/^proxy:/, '');
}

/**
 * The restrictions with `expand` applied to those that stand for several: classes, `$name`. An entry for which it
 * returns undefined stays.
 */
export function expandEntries(
  entries: readonly Entry[],
  expand: (entry: Entry) => readonly Entry[] | undefined,
  depth = 0,
): Entry[] {
  return entries.flatMap((entry) => {
    const inside = depth < 10 ? expand(entry) : undefined;
    if (inside === undefined) return [entry];
    // warn_if_reject in front of a class is for everything in it.
    const warned = inside.map((one) => ({ ...one, warns: one.warns || entry.warns }));
    return expandEntries(warned, expand, depth + 1);
  });
}

/** The attributes of `{ unix:socket, default_action=DUNNO, { timeout = 2s } }`, and its address. */
export function parseService(argument: string): {
  readonly address: string;
  readonly attributes: ReadonlyMap<string, string>;
} {
  const inner = /^\{([\s\S]*)\}$/.exec(argument.trim())?.[1];
  if (inner === undefined) return { address: argument, attributes: new Map() };
  const [address = '', ...rest] = splitWords(inner.replaceAll(/\s*=\s*/g, '='));
  const pairs = rest.flatMap((word) => {
    const match = /^\{?\s*(\w+)=([^}]*?)\s*\}?$/.exec(word);
    return match === null ? [] : [[match[1] as string, match[2] as string] as const];
  });
  return { address, attributes: new Map(pairs) };
}
