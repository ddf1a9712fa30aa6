/**
 * Changes an address in every text of a database, whichever table holds it: new tables and new JSON need no line here.
 * Events are pages, which src/store/erasure.ts changes.
 */
import type { Db } from './database.ts';

/** `isName`: the text is the name of somebody as a whole, not a sentence about something. */
export type ChangeText = (text: string, isName: boolean) => string;

/** Tables that hold events or file names, and those whose rows of a person are deleted. */
const LEFT_OUT = new Set([
  'event',
  'page',
  'page_submitter',
  'source',
  'position',
  'submitter',
  'login',
]);
/** Columns and keys whose whole text is a name: a login may be a word such as `manual`. */
const NAMES = new Set(
  [
    'key_id',
    'at_id',
    'submitter_id',
    'about',
    'id',
    'login',
    'who',
    'identity',
    'spellings',
  ].concat(['sender', 'recipient', 'originalRecipient', 'person', 'subject']),
);

interface Column {
  readonly name: string;
  readonly type: string;
  readonly pk: number;
}

type Row = Record<string, string | number | null>;

/** How many rows were changed, by table; with `isDry` they are only counted. Call it inside a transaction. */
export function eraseTexts(
  db: Db,
  change: ChangeText,
  { isDry = false } = {},
): ReadonlyMap<string, number> {
  const tables = db.prepare(`SELECT name FROM sqlite_schema WHERE type = 'table'`).pluck().all();
  const changed = (tables as string[])
    .filter((name) => !LEFT_OUT.has(name) && !name.startsWith('sqlite_'))
    .map((name) => [name, eraseTable(db, name, change, isDry)] as const);
  return new Map(changed);
}

function eraseTable(db: Db, table: string, change: ChangeText, isDry: boolean): number {
  const columns = db.pragma(`table_info(${table})`) as Column[];
  const texts = columns.filter(({ type }) => type === 'TEXT').map(({ name }) => name);
  const keys = columns.filter(({ pk }) => pk > 0).map(({ name }) => name);
  if (texts.length === 0 || keys.length === 0) return 0;
  const isWhere = keys.map((key) => `"${key}" = ?`).join(' AND ');
  let changed = 0;
  for (const row of db.prepare(`SELECT * FROM ${table}`).all() as Row[]) {
    const others = Object.entries(changeRow(table, row, texts, change));
    if (others.length === 0) continue;
    changed++;
    if (isDry) continue;
    const set = others.map(([name]) => `"${name}" = ?`).join(', ');
    const values = [...others.map(([, text]) => text), ...keys.map((key) => row[key])];
    db.prepare(`UPDATE ${table} SET ${set} WHERE ${isWhere}`).run(...values);
  }
  return changed;
}

/** The columns that change. A block in force keeps its names: without them it would end. */
function changeRow(table: string, row: Row, texts: readonly string[], change: ChangeText) {
  const isRunning = table === 'block' && row.released === null;
  const changes: Record<string, string> = {};
  for (const name of texts) {
    const text = row[name];
    if (typeof text !== 'string' || (isRunning && NAMES.has(name))) continue;
    const other = changeText(text, NAMES.has(name), change);
    if (other !== text) changes[name] = other;
  }
  return changes;
}

function changeText(text: string, isName: boolean, change: ChangeText): string {
  if (!/^[[{]/.test(text)) return change(text, isName);
  try {
    const value = JSON.parse(text) as unknown;
    const other = JSON.stringify(changeJson(value, '', change));
    // Texts that do not name anybody stay as they were written.
    return other === JSON.stringify(value) ? text : other;
  } catch {
    return change(text, isName);
  }
}

function changeJson(value: unknown, key: string, change: ChangeText): unknown {
  if (typeof value === 'string') return change(value, NAMES.has(key));
  if (Array.isArray(value)) return value.map((one) => changeJson(one, key, change));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, one]) => [
      change(name, false),
      changeJson(one, name, change),
    ]),
  );
}
