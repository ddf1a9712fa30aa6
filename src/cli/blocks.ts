/** `postern blocks`: who is blocked. */
import { EXIT, type ExitStatus } from '../base/errors.ts';
import { type Config, type ConfigChoice, loadConfig } from '../config/load.ts';
import { type InForce, loadInForce } from '../daemon/in-force.ts';
import { withSpellings } from '../daemon/spellings.ts';
import { isWithin } from '../model/address.ts';
import { type Block, type BlockableType, listBlockedKeys } from '../model/block.ts';
import { isInDomain } from '../model/event-query.ts';
import { formatIdentity } from '../model/identity.ts';
import type { Style } from '../model/style.ts';
import { buildHostLookup } from '../report/block.ts';
import { loadStyle } from '../report/style.ts';
import { Store } from '../store/store.ts';
import type { StoredBlock } from '../store/stored-block.ts';
import { BLOCK_COLUMNS, BLOCK_HEAD, blockCells, blockText, blockValues } from './block-text.ts';
import { csvRow } from './csv.ts';
import { becomeDatabaseOwner } from './database.ts';
import type { CommonOptions, Io } from './io.ts';
import { ScreenTable } from './screen-table.ts';
import { parsePeriod, parseTypedBlockable } from './typed.ts';

/** How many blocks `--all` prints, the newest. */
const MOST = 1000;

type BlockOrder = 'number' | 'who' | 'cause' | 'host' | 'start' | 'end';

interface BlocksOptions extends Omit<CommonOptions, 'format'> {
  readonly format?: 'text' | 'json' | 'csv' | 'plain';
  /** also those that have ended */
  readonly all?: boolean;
  readonly since?: string;
  readonly until?: string;
  readonly of?: string;
  readonly type?: BlockableType;
  readonly domain?: string;
  readonly cause?: string;
  /** where it began: this server or another */
  readonly host?: string;
  readonly sort?: BlockOrder;
  /** times in UTC only */
  readonly utc?: boolean;
}

export async function runBlocks(options: BlocksOptions, io: Io): Promise<ExitStatus> {
  const config = loadConfig(options.config);
  const isMeant = buildTest(options, config);
  const store = new Store(config.database, { readonly: true });
  try {
    const all =
      options.all === true ? store.blocks.history(MOST).reverse() : store.blocks.allRunning();
    const blocks = all.filter(isMeant).sort(compare(options.sort ?? 'number'));
    const shown = blocks.map((block) => withSpellings(store, config, block));
    const style = await loadStyle(
      config,
      blocks.flatMap(({ key, at }) => (at ? [key, at] : [key])),
      options,
    );
    printBlocks(shown, loadInForce(store, config), style, options, io);
    if (blocks.length === 0 && isText(options)) {
      io.stdout(all.length === 0 ? 'Nobody is blocked.\n' : 'No such block.\n');
    }
    return EXIT.done;
  } finally {
    store.close();
  }
}

function isText({ format = 'text' }: BlocksOptions): boolean {
  return format === 'text';
}

function printBlocks(
  blocks: readonly StoredBlock[],
  forceOf: (block: StoredBlock) => InForce,
  style: Style,
  { format }: BlocksOptions,
  io: Io,
): void {
  if (format === 'plain') {
    const names = new Set(blocks.flatMap(listBlockedKeys).map(formatIdentity));
    io.stdout([...names].map((name) => `${name}\n`).join(''));
  } else if (format === 'csv') {
    io.stdout(csvRow(BLOCK_COLUMNS));
    for (const block of blocks) io.stdout(csvRow(blockValues(block, forceOf(block))));
  } else if (format !== 'json' && io.screen !== undefined && blocks.length > 0) {
    const rows = blocks.map((block) => blockCells(block, forceOf(block), style));
    new ScreenTable(io, BLOCK_HEAD).print(rows);
  } else {
    for (const block of blocks) io.stdout(blockText(block, forceOf(block), format, { style }));
  }
}

function buildTest(options: BlocksOptions, config: Config): (block: StoredBlock) => boolean {
  const { of, type, domain, cause, host } = options;
  const { zone, logins } = config;
  const hostOf = buildHostLookup(config);
  const { since, until } = parsePeriod(options, zone);
  const who = of === undefined ? undefined : parseTypedBlockable(of, logins);
  return ({ key, start, ...block }) =>
    (since === undefined || start >= since) &&
    (until === undefined || start < until) &&
    (type === undefined || key.type === type) &&
    (cause === undefined || block.cause === cause) &&
    (host === undefined || hostOf(block) === host) &&
    (domain === undefined || isInDomain(key.id, domain.replace(/^@/, '').toLowerCase())) &&
    (who === undefined ||
      (key.type === who.type && (isWithin(key.id, who.id) || isWithin(who.id, key.id))));
}

/** Those that last longest come last. */
function compare(order: BlockOrder): (a: StoredBlock, b: StoredBlock) => number {
  const byText = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);
  const endOf = ({ released, end = Number.MAX_SAFE_INTEGER }: StoredBlock) => released ?? end;
  const orders: { readonly [name in typeof order]: (a: StoredBlock, b: StoredBlock) => number } = {
    number: () => 0,
    who: (a, b) => byText(formatIdentity(a.key), formatIdentity(b.key)),
    cause: (a, b) => byText(a.cause, b.cause),
    // Those of this server first.
    host: (a, b) => byText(a.host ?? '', b.host ?? ''),
    start: (a, b) => a.start - b.start,
    end: (a, b) => endOf(a) - endOf(b),
  };
  return (a, b) => orders[order](a, b) || a.id - b.id;
}

/** Who is blocked now. Root becomes the owner of the database first. Throws a PosternError if there is none. */
export function listRunningBlocks(choice: ConfigChoice | undefined): Block[] {
  becomeDatabaseOwner(choice);
  const store = new Store(loadConfig(choice).database, { readonly: true });
  try {
    return [...store.blocks.allRunning()];
  } finally {
    store.close();
  }
}
