/** The list of blocks: filtered, sorted, in pages, so that a hundred thousand of them are as quick to see as one. */
import { counted } from '../../base/text.ts';
import { DAY, HOUR, systemClock } from '../../base/time.ts';
import { loadInForce } from '../../daemon/in-force.ts';
import { withSpellings } from '../../daemon/spellings.ts';
import { formatTarget } from '../../model/identity.ts';
import { buildHostLookup, describeCauseThere, describeRelease } from '../../report/block.ts';
import type { StoredBlock } from '../../store/stored-block.ts';
import { type Html, html, type Part } from '../html.ts';
import { field, message, select, table } from '../layout.ts';
import { storyLink, type View } from '../view.ts';

const ROWS = 50;
/** Blocks that are searched when ended ones are wanted, the newest. */
const MOST = 100_000;

const STATES = [
  ['running', 'running'],
  ['ended', 'ended'],
  ['all', 'all'],
] as const;
const SORTS = [
  ['newest', 'newest first'],
  ['oldest', 'oldest first'],
  ['cause', 'cause'],
  ['who', 'who'],
  ['host', 'host'],
  ['log', 'log'],
] as const;
/** How long ago a block began, at most, ms. */
const AGES: Readonly<Record<string, number>> = { hour: HOUR, day: DAY, week: 7 * DAY };
const AGE_NAMES = [
  ['', 'any'],
  ['hour', 'up to an hour'],
  ['day', 'up to a day'],
  ['week', 'up to a week'],
  ['older', 'more than a week'],
] as const;

/** The parameters that this page looks at, and those that are one of several words. */
const PARAMETERS = ['q', 'state', 'cause', 'age', 'host', 'log', 'sort', 'page', 'outcome'];
const CHOICES = { state: STATES, age: AGE_NAMES, sort: SORTS };

/** What of the address has no effect on the list, one sentence each. */
function listIgnored({ names, query }: View): string[] {
  const unknown = names.filter((name) => !PARAMETERS.includes(name));
  const wrong = Object.entries(CHOICES).flatMap(([name, choices]) => {
    const words = choices.map(([word]) => word).filter((word) => word !== '');
    const word = query(name);
    return word === '' || words.some((one) => one === word)
      ? []
      : [`${name}=${word}: expected ${words.join(', ')}.`];
  });
  return [...unknown.map((name) => `${name}: this list has no such filter.`), ...wrong];
}

/** The whole page. */
export function blocksPage(view: View): Html {
  const ignored = listIgnored(view);
  const all = readBlocks(view);
  const list = (values: Iterable<string>): [string, string][] =>
    [...new Set(values)].sort().map((value) => [value, value]);
  const hostOf = buildHostLookup(view.desk.config);
  const hosts = list(all.map(hostOf));
  return html`<form class="row" method="get" action="/blocks" role="search" aria-label="Filter blocks">
${field('q', 'Who, cause or note', view.query('q'))}
${select('state', 'State', STATES, view.query('state'))}
${select('cause', 'Cause', [['', 'any'], ...list(all.map(({ cause }) => cause))], view.query('cause'))}
${select('age', 'Age', AGE_NAMES, view.query('age'))}
${(hosts.length > 1 || view.query('host') !== '') && select('host', 'Began on', [['', 'any host'], ...hosts], view.query('host'))}
${field('log', 'Log', view.query('log'), 'part of its path')}
${select('sort', 'Order', SORTS, view.query('sort'))}
<button class="main">Show</button>
</form>
${ignored.length > 0 && message(`Not used: ${ignored.join(' ')}`, 'bad')}
${listBlocks(view, all)}`;
}

function readBlocks({ desk: { store }, query }: View): readonly StoredBlock[] {
  const state = query('state');
  if (state !== 'ended' && state !== 'all') return store.blocks.allRunning();
  const all = store.blocks.history(MOST).reverse();
  return state === 'all' ? all : all.filter(({ released }) => released !== undefined);
}

function listBlocks(view: View, all: readonly StoredBlock[]): Html {
  const lookup = { hostOf: buildHostLookup(view.desk.config), logOf: buildLogLookup(view) };
  const found = sortBlocks(filterBlocks(view, all, lookup), view.query('sort'), lookup);
  const last = Math.max(1, Math.ceil(found.length / ROWS));
  const at = Math.min(last, Math.max(1, Math.floor(Number(view.query('page')) || 1)));
  const shown = found.slice((at - 1) * ROWS, at * ROWS);
  const hasOthers = all.some(({ host }) => host !== undefined);
  return html`<p>${counted(found.length, 'block')}</p>
${table({
  label: 'Blocks',
  head: ['No.', 'Who', 'Cause', ...(hasOthers ? ['Began on'] : []), 'Since', 'State', 'Note'],
  rows: blockRows(view, shown, hasOthers ? lookup.hostOf : undefined),
  empty: all.length === 0 ? 'Nobody is blocked.' : 'No block is like that.',
  widths: { 'No.': 'short', Who: 'wide' },
})}
${pager(view, at, last)}`;
}

/** `hostOf`: absent if all blocks began here. */
function blockRows(
  view: View,
  blocks: readonly StoredBlock[],
  hostOf: Lookup['hostOf'] | undefined,
): Part[][] {
  const { store, config } = view.desk;
  const forceOf = loadInForce(store, config);
  return blocks.map((block) => {
    const { spellings = [] } = withSpellings(store, config, block);
    const also =
      spellings.length > 0 &&
      html` <span class="hint">also ${spellings.slice(0, 5).join(', ')}</span>`;
    return [
      html`<a href="/story?block=${block.id}">${block.id}</a>`,
      html`${storyLink(block.key, formatTarget(block))}${also}`,
      describeCauseThere(block),
      ...(hostOf === undefined ? [] : [hostOf(block)]),
      view.time(block.start),
      describeState(view, block, forceOf),
      block.note,
    ];
  });
}

/** How a block stands: until when, whether in force, or how it ended. */
export function describeState(
  view: View,
  block: StoredBlock,
  forceOf: ReturnType<typeof loadInForce>,
): Part {
  if (block.released !== undefined)
    return html`ended ${view.time(block.released)}: ${describeRelease(block)}`;
  const until = block.end === undefined ? 'until released' : html`until ${view.time(block.end)}`;
  const force = forceOf(block);
  if (force.inForce) return until;
  return html`${until}, <span class="bad-text">not in force${force.why === undefined ? ' yet' : `: ${force.why}`}</span>`;
}

/** Where a block began. */
interface Lookup {
  /** the server: this one, or another that shares its blocks */
  hostOf(block: StoredBlock): string;
  /** the log in which the rule was met: on a host that collects logs, that of the mail server */
  logOf(block: StoredBlock): string;
}

function buildLogLookup({ desk: { store } }: View): Lookup['logOf'] {
  const known = new Map<number, string>();
  return ({ id, verdict }) => {
    const log =
      known.get(id) ??
      (verdict === undefined ? '' : (store.verdicts.get(verdict)?.verdict.source ?? ''));
    known.set(id, log);
    return log;
  };
}

function filterBlocks(
  view: View,
  all: readonly StoredBlock[],
  { hostOf, logOf }: Lookup,
): StoredBlock[] {
  const { query } = view;
  const [text, cause, log] = [query('q').toLowerCase(), query('cause'), query('log')];
  const host = query('host');
  const isOfAge = buildAgeTest(query('age'));
  return all.filter((block) => {
    if (cause !== '' && block.cause !== cause) return false;
    if (host !== '' && hostOf(block) !== host) return false;
    if (!isOfAge(block)) return false;
    if (log !== '' && !logOf(block).includes(log)) return false;
    if (text === '') return true;
    // To format each of a hundred thousand identities would take a second.
    const { id, key, at, note = '' } = block;
    return `${key.id} ${at?.id ?? ''} ${block.cause} ${id} ${note}`.toLowerCase().includes(text);
  });
}

function buildAgeTest(age: string): (block: StoredBlock) => boolean {
  const now = systemClock.now();
  if (age === 'older') return ({ start }) => start < now - 7 * DAY;
  const most = Object.hasOwn(AGES, age) ? AGES[age] : undefined;
  return most === undefined ? () => true : ({ start }) => start >= now - most;
}

function sortBlocks(
  blocks: StoredBlock[],
  order: string,
  { hostOf, logOf }: Lookup,
): StoredBlock[] {
  if (order === 'oldest') return blocks;
  const newest = blocks.reverse();
  const keyOf = {
    cause: ({ cause }: StoredBlock) => cause,
    who: ({ key }: StoredBlock) => key.id,
    host: hostOf,
    log: logOf,
  }[order];
  if (keyOf === undefined) return newest;
  const keys = new Map(newest.map((block) => [block, keyOf(block)]));
  const at = (block: StoredBlock) => keys.get(block) ?? '';
  return newest.sort((a, b) => (at(a) < at(b) ? -1 : at(a) > at(b) ? 1 : 0));
}

function pager({ query }: View, at: number, last: number): Part {
  if (last === 1) return undefined;
  const path = (page: number) => {
    const names = ['q', 'state', 'cause', 'age', 'host', 'log', 'sort'].filter(
      (name) => query(name) !== '',
    );
    const words = new URLSearchParams(names.map((name): [string, string] => [name, query(name)]));
    words.set('page', String(page));
    return `/blocks?${words}`;
  };
  return html`<nav aria-label="Pages of the list"><p class="actions">
${at > 1 && html`<a href="${path(at - 1)}">Back</a>`}<span>Page ${at} of ${last}</span>${at < last && html`<a href="${path(at + 1)}">Next</a>`}
</p></nav>`;
}
