/**
 * Postfix targets: one table for each kind of identity, in any map type that can say it.
 * Options are taken as checked, except for what would write a wrong line: those throw a PosternError.
 */
import { PosternError } from '../base/errors.ts';
import type { Block, BlockableType } from '../model/block.ts';
import { type AccountOptions, findLogins, findUids } from './accounts.ts';
import {
  cidrFormat,
  type Format,
  fixedFormat,
  isAction,
  listFormat,
  patternFormat,
} from './postfix-format.ts';
import { buildIndex, INDEXED, type IndexedType, isIndexed } from './postmap.ts';
import { renderTable } from './table.ts';
import type { BlockTarget, Entry, Inexpressible } from './target.ts';

const POSTFIX_TYPES = [
  'hash',
  'btree',
  'lmdb',
  'cdb',
  'dbm',
  'sdbm',
  'texthash',
  'cidr',
  'pcre',
  'regexp',
  'list',
] as const;
type PostfixType = (typeof POSTFIX_TYPES)[number];

export interface PostfixTable {
  /** absolute path */
  readonly file: string;
  readonly type: PostfixType;
  /** default HOLD; of no meaning for local accounts, which are refused */
  readonly action?: 'HOLD' | 'REJECT';
  /** beside the action, one line of printable ASCII: of the refusal, or in the log */
  readonly text?: string;
}

export interface PostfixOptions extends AccountOptions {
  readonly user?: PostfixTable;
  readonly client?: PostfixTable;
  readonly uid?: PostfixTable;
  readonly sender?: PostfixTable;
  /** default `postfix reload`; [] for none */
  readonly reload?: readonly string[];
  /** default `postmap` */
  readonly postmap?: readonly string[];
  /** ms that a postmap may take, default 30 s */
  readonly timeout?: number;
}

/** Postfix reads these when a process starts and does not look again (DATABASE_README, "detecting changes"). */
const READ_AT_START: readonly PostfixType[] = ['texthash', 'cidr', 'pcre', 'regexp'];

/** One target for each table; throws a PosternError for a table that its type cannot hold. */
export function postfixTargets(options: PostfixOptions): BlockTarget[] {
  return (['user', 'client', 'uid', 'sender'] as const).flatMap((kind) => {
    const table = options[kind];
    return table === undefined ? [] : [tableTarget(kind, table, options)];
  });
}

function tableTarget(
  kind: BlockableType,
  table: PostfixTable,
  options: PostfixOptions,
): BlockTarget {
  const format = withLogins(kind, chooseFormat(kind, table), options);
  const { type, file } = table;
  // postdrop and sendmail read the list of accounts anew each time, as the user who runs them.
  const atStart = READ_AT_START.includes(type) && kind !== 'uid';
  const target = {
    ...format,
    name: `postfix.${kind}`,
    file,
    accepts: [kind],
    reload: atStart ? (options.reload ?? ['postfix', 'reload']) : [],
    render: (blocks: readonly Block[], old: string) => renderTable(format, blocks, old),
  };
  if (!isIndexedType(type)) {
    return { ...target, isIndexed: () => true, activate: async () => undefined };
  }
  const index = {
    type,
    file,
    postmap: options.postmap ?? ['postmap'],
    timeout: options.timeout ?? 30_000,
  };
  return { ...target, isIndexed: () => isIndexed(index), activate: () => buildIndex(index) };
}

function isIndexedType(type: PostfixType): type is IndexedType {
  return type in INDEXED;
}

function chooseFormat(kind: BlockableType, table: PostfixTable): Format {
  const { type, file } = table;
  const action = [table.action ?? 'HOLD', table.text].filter(Boolean).join(' ');
  const fits = type === 'cidr' ? kind === 'client' : type === 'list' ? kind === 'uid' : true;
  if (!fits) throw misfit(kind, 'type', `${file}: a ${type} table cannot hold a ${kind}`);
  if (!isAction(action)) {
    throw misfit(kind, 'action', `"${action}" is not HOLD or REJECT with a line of ASCII`);
  }
  if (type === 'list') return listFormat;
  if (type === 'cidr') return cidrFormat(action);
  return type === 'pcre' || type === 'regexp' ? patternFormat(action) : fixedFormat(action);
}

function misfit(kind: BlockableType, key: string, message: string): PosternError {
  return new PosternError('target', message, { place: { key: `targets.postfix.${kind}.${key}` } });
}

/** For local accounts: numbers become login names before they become a line. */
function withLogins(
  kind: BlockableType,
  format: Format,
  options: PostfixOptions,
): Format & Pick<BlockTarget, 'prepare' | 'uidsOf'> {
  if (kind !== 'uid') return { ...format, prepare: async () => {} };
  let logins: ReadonlyMap<string, string> = new Map();
  return {
    keysOf: format.keysOf,
    uidsOf: (names) => findUids(names, options),
    async prepare(blocks) {
      if (blocks.length === 0) return;
      // Earlier answers stay: a directory that is down for a while must not unblock anybody.
      const found = await findLogins(
        blocks.map(({ key }) => key.id),
        options,
      );
      logins = new Map([...logins, ...found]);
    },
    entry(key): Entry | Inexpressible {
      const name = /^\d+$/.test(key.id) ? logins.get(key.id) : key.id;
      if (name === undefined) return { reason: `uid ${key.id} has no login name` };
      // Whatever the table is: a name that a list refuses means more than one account to Postfix.
      const checked = listFormat.entry({ ...key, id: name });
      if ('reason' in checked) return checked;
      return format.entry({ ...key, id: name });
    },
  };
}
