/**
 * The file of `postern allow` and `postern except`, beside the configuration that people write. One exception a line:
 *
 *     allow alice@example.net  # 2026-11-30T09:00:00.000Z root: newsletter of the club
 *     except invalid-recipients 192.0.2.0/24  # 2026-11-30T09:00:00.000Z root: the old gateway
 *
 * A line that cannot be understood excepts nobody and is a problem for `postern status`; the others count.
 */
import { readFileSync } from 'node:fs';
import { readStamp } from '../base/changed-file.ts';
import { getErrno, getMessage, PosternError } from '../base/errors.ts';
import { replaceFile } from '../base/files.ts';
import type { AllowOptions } from '../enforce/allow-list.ts';
import type { Rule } from '../judge/rule.ts';
import type { Block } from '../model/block.ts';
import { formatIdentity, parseBlockable } from '../model/identity.ts';

/** Whom an exception is about; a domain and all below it has the type `domain`. */
export type ExceptedKey = Block['key'] | { readonly type: 'domain'; readonly id: string };

export interface Exception {
  /** the rule that leaves this alone; undefined: never blocked by any rule, nor by hand */
  readonly rule?: string;
  readonly key: ExceptedKey;
  /** when, who and why, as it stands behind the `#` */
  readonly note?: string;
  /** where it stands in the file, from 1 on; absent: not read from one */
  readonly line?: number;
}

interface ReadExceptions {
  readonly entries: readonly Exception[];
  /** what is wrong with the file, each with its line */
  readonly problems: readonly string[];
}

/**
 * What the file says; nothing if there is none. Throws a PosternError if it is there and cannot be read. It is nothing,
 * too, for who may not enter its folder, that of the database: the step with root's rights (docs/privileges.md), where the
 * service heeds the file and begins no block; and an account that is told next that it may not use the database.
 */
export function readExceptions(file: string): ReadExceptions {
  return parseExceptions(readText(file), file);
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if (getErrno(error) === 'ENOENT' || mayNotEnter(file)) return '';
    throw new PosternError(
      'configuration',
      `${file}: cannot read the exceptions: ${getMessage(error)}`,
      {
        code: 'exceptions',
        place: { file },
        cause: error,
      },
    );
  }
}

function mayNotEnter(file: string): boolean {
  return readStamp(file) === 'EACCES';
}

/** `file` is only used in messages. */
export function parseExceptions(text: string, file: string): ReadExceptions {
  const entries: Exception[] = [];
  const problems: string[] = [];
  text.split('\n').forEach((line, index) => {
    if (/^\s*(?:#|$)/.test(line)) return;
    const entry = parseLine(line);
    if (entry !== undefined) entries.push({ ...entry, line: index + 1 });
    else
      problems.push(
        `${file}:${index + 1}: expected allow ID or except RULE ID; nobody is excepted by this line`,
      );
  });
  return { entries, problems };
}

function parseLine(line: string): Exception | undefined {
  const { index = line.length } = /\s#/.exec(line) ?? {};
  const note = line
    .slice(index)
    .replace(/^\s+#\s*/, '')
    .trim();
  const [word, ...rest] = line.slice(0, index).trim().split(/\s+/);
  if (word !== 'allow' && word !== 'except') return undefined;
  const [rule, id = ''] = word === 'allow' ? [undefined, ...rest] : rest;
  if (rest.length !== (word === 'allow' ? 1 : 2)) return undefined;
  const key = parseExceptedKey(id);
  if (key === undefined || !canHold(key, rule)) return undefined;
  return { ...(rule === undefined ? {} : { rule }), key, ...(note === '' ? {} : { note }) };
}

/** An identity that can be blocked, or `@example.net`; undefined for anything else. */
export function parseExceptedKey(text: string): ExceptedKey | undefined {
  const domain = /^@([a-z0-9_-]+(?:\.[a-z0-9_-]+)*)$/i.exec(text)?.[1];
  return domain === undefined ? parseBlockable(text) : { type: 'domain', id: domain.toLowerCase() };
}

/** The form that `parseExceptedKey` reads back. */
export function formatExceptedKey(key: ExceptedKey): string {
  return key.type === 'domain' ? `@${key.id}` : formatIdentity(key);
}

/** Whether there is such an exception: rules have none for local accounts. A line has no place for a space or a `#`. */
export function canHold(key: ExceptedKey, rule: string | undefined): boolean {
  return !/[\s#]/.test(key.id) && !(rule !== undefined && key.type === 'uid');
}

/** The file with an exception more, or with its note replaced. Throws the system error if it cannot be written. */
export function addException(file: string, exception: Exception): void {
  const text = readText(file);
  const line = formatLine(exception);
  const kept = withoutEntry(text === '' ? HEAD : text, exception);
  replaceFile(file, `${kept}${kept === '' || kept.endsWith('\n') ? '' : '\n'}${line}\n`);
}

/** The file without an exception; false if it is not in it. */
export function removeException(file: string, exception: Exception): boolean {
  const text = readText(file);
  const kept = withoutEntry(text, exception);
  if (kept === text) return false;
  replaceFile(file, kept);
  return true;
}

const HEAD = `# Written by postern allow and postern except; you may edit it, too. The service reads it when it changes.
`;

function formatLine({ rule, key, note }: Exception): string {
  const words = rule === undefined ? ['allow'] : ['except', rule];
  return `${[...words, formatExceptedKey(key)].join(' ')}${note === undefined ? '' : `  # ${note}`}`;
}

function withoutEntry(text: string, { rule, key }: Exception): string {
  const isMeant = (line: string) => {
    const entry = /^\s*#/.test(line) ? undefined : parseLine(line);
    return entry !== undefined && entry.rule === rule && nameKey(entry.key) === nameKey(key);
  };
  return text
    .split('\n')
    .filter((line) => !isMeant(line))
    .join('\n');
}

function nameKey({ type, id }: ExceptedKey): string {
  return `${type} ${id.toLowerCase()}`;
}

/** The allow list of the configuration with the entries that no rule is named in. */
export function addAllowed(allow: AllowOptions, entries: readonly Exception[]): AllowOptions {
  const of = listIds(entries.filter(({ rule }) => rule === undefined));
  return {
    ...allow,
    users: [
      ...(allow.users ?? []),
      ...of('user'),
      ...of('sender'),
      ...of('domain').map((id) => `@${id}`),
    ],
    networks: [...(allow.networks ?? []), ...of('client')],
    uids: [...(allow.uids ?? []), ...of('uid')],
  };
}

/** The rules with the exceptions that name them. */
export function addExcepted(
  rules: readonly Rule[],
  entries: readonly Exception[],
): readonly Rule[] {
  return rules.map((rule) => {
    const own = entries.filter((one) => one.rule === rule.name);
    if (own.length === 0) return rule;
    const of = listIds(own);
    const { users, addresses, networks, domains } = rule.except;
    const except = {
      users: [...users, ...of('user')],
      addresses: [...addresses, ...of('sender')],
      networks: [...networks, ...of('client')],
      domains: [...domains, ...of('domain')],
    };
    return { ...rule, except };
  });
}

function listIds(entries: readonly Exception[]): (type: ExceptedKey['type']) => string[] {
  return (type) => entries.filter(({ key }) => key.type === type).map(({ key }) => key.id);
}
