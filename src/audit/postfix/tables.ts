/**
 * Postfix lookup tables: their entries where the text can be read, and single answers from postmap(1) for the others.
 * A table that cannot be read is a note, never an error.
 */
import { readFileSync } from 'node:fs';
import { splitWords } from '../../setup/postfix/restriction-list.ts';
import { ask } from '../../setup/programs.ts';
import type { Evidence } from '../finding.ts';
import { logicalLines } from './source.ts';

/** One entry of a table. */
export interface TableEntry {
  readonly key: string;
  readonly value: string;
  readonly evidence: Evidence;
}

/** Types whose index is made of a text file of the same name. */
const INDEXED = ['hash', 'btree', 'lmdb', 'cdb', 'dbm', 'sdbm'];
const PATTERNS = ['pcre', 'regexp', 'cidr'];
/** A table of a parameter, `hash:/etc/aliases`. */
interface TableName {
  readonly type: string;
  /** a path, or what follows the type */
  readonly name: string;
}

/** Reads `proxy:hash:/etc/x`; undefined for a word that is not a table. */
export function parseTable(text: string): TableName | undefined {
  const bare = text
    .replace(/^\{\s*/, '')
    .replace(/\s*(?:,.*)?\}$/, (end) => (text.startsWith('{') ? '' : end));
  const match = /^(?:proxy:)?([a-z_]+):(.*)$/s.exec(bare);
  return match === null ? undefined : { type: match[1] as string, name: match[2] as string };
}

/** The tables of a parameter such as `virtual_alias_maps`. */
export function tablesIn(value: string): string[] {
  return splitWords(value).filter((word) => parseTable(word) !== undefined);
}

export class Tables {
  readonly #postmap: readonly string[];
  readonly #notes: Set<string>;
  readonly #read = new Map<string, Promise<readonly TableEntry[] | undefined>>();
  /** those that postmap could not open: it would only say the same again, after waiting for a second */
  readonly #closed = new Set<string>();

  /** `postmap`: argument vector; `notes`: gets a sentence for each table that cannot be read. */
  constructor(postmap: readonly string[], notes: Set<string>) {
    this.#postmap = postmap;
    this.#notes = notes;
  }

  /** All entries; undefined when the table has no list of them (static, mysql, ldap), or cannot be read. */
  entries(
    table: string,
    format: 'map' | 'aliases' = 'map',
  ): Promise<readonly TableEntry[] | undefined> {
    const key = `${format} ${table}`;
    const known = this.#read.get(key) ?? this.#load(table, format);
    this.#read.set(key, known);
    return known;
  }

  async #load(
    table: string,
    format: 'map' | 'aliases',
  ): Promise<readonly TableEntry[] | undefined> {
    const parsed = parseTable(table);
    if (parsed === undefined) return undefined;
    const { type, name } = parsed;
    if (type === 'inline') return inlineEntries(name);
    if (!isFile(table)) return undefined;
    try {
      const lines = logicalLines(readFileSync(name, 'utf8'));
      const parse = PATTERNS.includes(type)
        ? patternEntry
        : format === 'aliases'
          ? aliasEntry
          : mapEntry;
      return lines.flatMap(({ line, text }) => {
        const entry = parse(text);
        return entry === undefined ? [] : [{ ...entry, evidence: { file: name, line, text } }];
      });
    } catch (error) {
      if (INDEXED.includes(type)) return await this.#dump(table, name);
      this.#notes.add(
        `${table} cannot be read (${(error as NodeJS.ErrnoException).code}), so its entries were not audited`,
      );
      return undefined;
    }
  }

  /** The index of a table whose text is gone. */
  async #dump(table: string, name: string): Promise<readonly TableEntry[] | undefined> {
    const result = await ask([...this.#postmap, '-s', table.replace(/^proxy:/, '')]);
    if (result.status !== 0) {
      this.#notes.add(
        `${table} cannot be read (${firstLine(result.stderr)}), so its entries were not audited`,
      );
      return undefined;
    }
    return result.stdout.split('\n').flatMap((line) => {
      const entry = mapEntry(line);
      return entry === undefined
        ? []
        : [{ ...entry, evidence: { file: name, line: null, text: line.trim() } }];
    });
  }

  /** The answers for these keys, as Postfix gets them; a key without an answer is absent. */
  async query(table: string, keys: readonly string[]): Promise<ReadonlyMap<string, string>> {
    const asked = keys.filter((key) => key !== '' && !/[\n\t]/.test(key));
    if (asked.length === 0 || this.#closed.has(table)) return new Map();
    if (isFile(table) && (await this.entries(table)) === undefined) return new Map();
    const argv = [...this.#postmap, '-q', '-', table.replace(/^proxy:/, '')];
    const result = await ask(argv, `${asked.join('\n')}\n`);
    const failed = result.stderr.split('\n').find((line) => /(?:fatal|error|warning):/.test(line));
    if (failed !== undefined || result.status === null) {
      if (result.stdout === '') this.#closed.add(table);
      this.#notes.add(
        `${table} gives no answer (${failed ?? result.failure ?? 'time-out'}), so it was not audited`,
      );
    }
    return new Map(
      result.stdout.split('\n').flatMap((line): [string, string][] => {
        const tab = line.indexOf('\t');
        return tab < 0 ? [] : [[line.slice(0, tab), line.slice(tab + 1)]];
      }),
    );
  }
}

/** Whether the entries are in a file, or its index. */
function isFile(table: string): boolean {
  return [...INDEXED, ...PATTERNS, 'texthash'].includes(parseTable(table)?.type ?? '');
}

function firstLine(text: string): string {
  return text.split('\n').find((line) => line.trim() !== '') ?? 'no answer';
}

/** `key value` */
function mapEntry(text: string): Pick<TableEntry, 'key' | 'value'> | undefined {
  const match = /^("(?:[^"\\]|\\.)*"|\S+)\s+(.*)$/.exec(text);
  return match === null
    ? undefined
    : { key: match[1] as string, value: (match[2] as string).trim() };
}

/** `/pattern/flags value`, or a network with a value; `if` and `endif` have none. */
function patternEntry(text: string): Pick<TableEntry, 'key' | 'value'> | undefined {
  if (/^(?:if|endif)\b/i.test(text)) return undefined;
  const delimiter = text.replace(/^!/, '')[0] as string;
  if (/[\w:[]/.test(delimiter)) return mapEntry(text);
  const end = text.indexOf(delimiter, text.indexOf(delimiter) + 1);
  const match = end < 0 ? null : /^(\w*)\s+(.*)$/.exec(text.slice(end + 1));
  return match === null ? undefined : { key: text.slice(0, end + 1), value: match[2] as string };
}

/** aliases(5): `name: value, value` */
function aliasEntry(text: string): Pick<TableEntry, 'key' | 'value'> | undefined {
  const match = /^("(?:[^"\\]|\\.)*"|[^\s:]+)\s*:\s*(.*)$/.exec(text);
  return match === null
    ? undefined
    : { key: (match[1] as string).replace(/^"(.*)"$/, '$1'), value: match[2] as string };
}

/** `{ {key=value}, {key=value} }` or `{ key=value, ... }` */
function inlineEntries(body: string): TableEntry[] {
  return splitWords(body.replace(/^\{/, '').replace(/\}$/, '')).flatMap((word) => {
    const match = /^\{?\s*([^=]+?)\s*=\s*(.*?)\s*\}?$/.exec(word);
    if (match === null) return [];
    const [, key = '', value = ''] = match;
    return [{ key, value, evidence: { file: 'inline', line: null, text: word } }];
  });
}
