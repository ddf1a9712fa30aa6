/**
 * Postfix targets: one table for each kind of identity, in any map type that can express it.
 * Options are taken as checked, except those that would write a wrong line: they throw a PosternError.
 */
import { PosternError } from '../base/errors.ts';
import type { Block, BlockableType } from '../model/block.ts';
import { type AccountOptions, findLogins, findUids } from './accounts.ts';
import {
  buildCidrFormat,
  buildFixedFormat,
  buildPatternFormat,
  isAction,
  listFormat,
} from './postfix-format.ts';
import { lookUpInTable } from './postfix-lookup.ts';
import { buildIndex, INDEXED, type IndexedType, isIndexed } from './postmap.ts';
import { renderTable } from './table.ts';
import type { BlockTarget, LineFormat } from './target.ts';

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
  /** default HOLD; without effect for local accounts, which Postfix always refuses */
  readonly action?: 'HOLD' | 'REJECT';
  /** beside the action, one line of printable ASCII: the text of the rejection, or of the log line */
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

/** One target for each table. Throws a PosternError for a table type that cannot hold that kind of identity. */
export function buildPostfixTargets(options: PostfixOptions): BlockTarget[] {
  return (['user', 'client', 'uid', 'sender'] as const).flatMap((kind) => {
    const table = options[kind];
    return table === undefined ? [] : [buildTarget(kind, table, options)];
  });
}

function buildTarget(
  kind: BlockableType,
  table: PostfixTable,
  options: PostfixOptions,
): BlockTarget {
  const format = addLogins(kind, chooseFormat(kind, table), options);
  const { type, file } = table;
  // postdrop and sendmail read the list of accounts again each time, as the user who runs them.
  const atStart = READ_AT_START.includes(type) && kind !== 'uid';
  const command = { postmap: options.postmap ?? ['postmap'], timeout: options.timeout ?? 30_000 };
  const target = {
    ...format,
    name: `postfix.${kind}`,
    file,
    accepts: type === 'cidr' ? [kind, 'network' as const] : [kind],
    reload: atStart ? (options.reload ?? ['postfix', 'reload']) : [],
    render: (blocks: readonly Block[], old: string) => renderTable(format, blocks, old),
    lookUp: (keys: readonly Block['key'][]) =>
      lookUpInTable(keys, { file, type, format, ...command }),
  };
  if (!isIndexedType(type)) {
    return { ...target, isIndexed: () => true, buildIndex: async () => undefined };
  }
  const index = { type, file, ...command };
  return { ...target, isIndexed: () => isIndexed(index), buildIndex: () => buildIndex(index) };
}

function isIndexedType(type: PostfixType): type is IndexedType {
  return type in INDEXED;
}

function chooseFormat(kind: BlockableType, table: PostfixTable): LineFormat {
  const { type, file } = table;
  const action = [table.action ?? 'HOLD', table.text].filter(Boolean).join(' ');
  const fits = type === 'cidr' ? kind === 'client' : type === 'list' ? kind === 'uid' : true;
  if (!fits) throw misfit(kind, 'type', `${file}: a ${type} table cannot hold a ${kind}`);
  if (!isAction(action)) {
    throw misfit(kind, 'action', `"${action}" is not HOLD or REJECT with a line of ASCII`);
  }
  if (type === 'list') return listFormat;
  if (type === 'cidr') return buildCidrFormat(action);
  return type === 'pcre' || type === 'regexp'
    ? buildPatternFormat(action)
    : buildFixedFormat(action);
}

function misfit(kind: BlockableType, key: string, message: string): PosternError {
  return new PosternError('configuration', message, {
    code: 'target',
    place: { key: `targets.postfix.${kind}.${key}` },
  });
}

/** For local accounts: a number becomes a login name before it becomes a line. */
function addLogins(
  kind: BlockableType,
  format: LineFormat,
  options: PostfixOptions,
): LineFormat & Pick<BlockTarget, 'prepare' | 'findUids'> {
  if (kind !== 'uid') return { ...format, prepare: async () => {} };
  let logins: ReadonlyMap<string, string> = new Map();
  return {
    readKeys: format.readKeys,
    findUids: (names) => findUids(names, options),
    async prepare(blocks) {
      if (blocks.length === 0) return;
      const uids = blocks.map(({ key }) => key.id);
      // Earlier answers are kept: a directory that is down for a while must not unblock anybody.
      logins = new Map([...logins, ...(await findLogins(uids, options))]);
    },
    renderEntry(key) {
      const name = /^\d+$/.test(key.id) ? logins.get(key.id) : key.id;
      if (name === undefined) return { reason: `uid ${key.id} has no login name` };
      // Whatever the table type: a name that a list refuses means more than one account to Postfix.
      const checked = listFormat.renderEntry({ ...key, id: name });
      if ('reason' in checked) return checked;
      return format.renderEntry({ ...key, id: name });
    },
  };
}
