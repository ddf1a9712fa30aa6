/** Exim's ACLs, read from what `exim -bP config` prints: which statements a message passes, and what they do. Pure. */

/** ACLs by name, each a list of statements with their verb in the first line. */
export type Acls = ReadonlyMap<string, readonly string[]>;

/** What Exim says about its configuration. */
export interface EximAnswers {
  /** what `exim -bP config` prints */
  readonly printed: string;
  readonly acls: Acls;
  readonly settings: ReadonlyMap<string, string>;
}

const VERB = /^\s*(accept|defer|deny|discard|drop|require|warn)\b/;
/** The condition that calls another ACL; it may follow the verb on the same line. */
const CALL = /^\s*(?:(?:accept|defer|deny|discard|drop|require|warn)\s+)?!?\s*acl\s*=\s*(\w+)/gm;

/** Reads the ACL section of what `exim -bP config` prints; `spool` is the value of `$spool_directory`. */
export function aclsIn(configuration: string, spool: string): Acls {
  const acls = new Map<string, string[]>();
  let statements: string[] | undefined;
  let inside = false;
  for (const line of configuration.split('\n')) {
    if (/^\s*begin\s/.test(line)) inside = /^\s*begin\s+acl\s*$/.test(line);
    else if (inside && !/^\s*(?:#|$)/.test(line)) {
      const label = /^\s*([A-Za-z]\w*)\s*:\s*$/.exec(line)?.[1];
      if (label !== undefined) {
        statements = [];
        acls.set(label, statements);
      } else if (statements !== undefined) addLine(statements, withSpool(line, spool));
    }
  }
  return acls;
}

function addLine(statements: string[], line: string): void {
  if (VERB.test(line) || statements.length === 0) statements.push(line.trimStart());
  else statements[statements.length - 1] += `\n${line}`;
}

/** A line with the value of `$spool_directory` in place of its name. */
export function withSpool(line: string, spool: string): string {
  return line.replaceAll(/\$(?:\{spool_directory\}|spool_directory\b)/g, spool);
}

/** Statements of an ACL and of those it calls, in the order of their text; none for an unknown name. */
export function reachable(acls: Acls, name: string): string[] {
  const names = new Set([name]);
  const statements: string[] = [];
  for (const acl of names) {
    for (const statement of acls.get(acl) ?? []) {
      statements.push(statement);
      for (const [, called] of statement.matchAll(CALL)) names.add(called as string);
    }
  }
  return statements;
}

/** Whether a statement names `file`; a longer name that begins the same is another file. */
export function mentions(statement: string, file: string): boolean {
  for (let at = statement.indexOf(file); at >= 0; at = statement.indexOf(file, at + 1)) {
    if (!/[\w.-]/.test(statement[at + file.length] ?? '')) return true;
  }
  return false;
}

/** The arguments in braces that follow each other from `at` on; one that has no end is left out. */
export function bracedAfter(text: string, at: number): string[] {
  const found: string[] = [];
  let depth = 0;
  let start = at;
  for (let here = at; here < text.length; here++) {
    const char = text[here];
    // \N switches expansion off until the next \N; otherwise a backslash escapes one character, or the end of a line.
    if (char === '\\') here = text[here + 1] === 'N' ? endOfPlain(text, here) : here + 1;
    else if (char === '{' && depth++ === 0) start = here + 1;
    else if (char === '}' && depth === 0) break;
    else if (char === '}' && --depth === 0) found.push(text.slice(start, here));
    else if (depth === 0 && !/\s/.test(char as string)) break;
  }
  return found;
}

function endOfPlain(text: string, at: number): number {
  const end = text.indexOf('\\N', at + 2);
  return end < 0 ? text.length : end + 1;
}

/** Whether a statement refuses the message or freezes it. */
function stops(statement: string): boolean {
  return (
    /^(?:deny|drop|defer|discard|require)\b/.test(statement) ||
    /^\s*control\s*=\s*freeze\b/m.test(statement)
  );
}

/** Whether a statement accepts everybody, all authenticated users or all relay clients: later ones never see them. */
function acceptsAll(statement: string): boolean {
  if (!/^accept\b/.test(statement)) return false;
  const conditions = statement
    .replace(/^accept\b/, '')
    .split('\n')
    .map((line) => line.trim())
    .filter(
      (line) =>
        line !== '' &&
        !/^(?:control|add_header|logwrite|log_message|message|set|delay)\b/.test(line),
    );
  return conditions.every((line) =>
    /^(?:authenticated\s*=\s*\*|hosts\s*=\s*\+relay_from_hosts)$/.test(line),
  );
}

/** How an ACL uses something: to stop mail, without consequence, too late to see all mail, or not at all. */
type Use = 'stops' | 'mild' | 'late' | 'unused';

/**
 * How `statements` use what the first of them that `asks` looks up. `heeds`: whether another statement depends on
 * what `asking` has found.
 */
export function findUse(
  statements: readonly string[],
  asks: (statement: string) => boolean,
  heeds: (statement: string, asking: string) => boolean = asks,
): Use {
  const index = statements.findIndex(asks);
  const asking = statements[index];
  if (asking === undefined) return 'unused';
  const after = statements.slice(index);
  if (!after.some((statement) => stops(statement) && heeds(statement, asking))) return 'mild';
  return statements.slice(0, index).some(acceptsAll) ? 'late' : 'stops';
}
