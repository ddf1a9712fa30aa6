/** What this server lets the others know: what it counted, and which of its blocks began or were released. */
import { dropUndefined } from '../../base/defined.ts';
import type { CountedEvent } from '../../judge/counted-event.ts';
import type { Counted } from '../../judge/options.ts';
import type { BlockAbout, Row } from '../../share/batch.ts';
import { buildMember } from '../../share/member.ts';
import type { Store } from '../../store/store.ts';
import type { StoredBlock } from '../../store/stored-block.ts';

/** Collects what the judge counts, until it is committed with its events. */
export class CountedRows {
  readonly #host: string;
  #rows: Row[] = [];
  /** by rule, key and member, how often it came in this batch: one line can tell the same event several times */
  #again = new Map<string, number>();

  /** `host`: the name of this server among the others. */
  constructor(host: string) {
    this.#host = host;
  }

  note({ rule, key, value, duration = 0 }: Counted, event: CountedEvent): void {
    const name = nameKey(key);
    const first = buildMember({ ...event, host: this.#host }, value);
    const id = `${rule.name} ${name} ${first}`;
    const again = this.#again.get(id) ?? 0;
    this.#again.set(id, again + 1);
    const member = again === 0 ? first : `${first}.${again}`;
    this.#rows.push({
      kind: 'count',
      rule: rule.name,
      key: name,
      time: event.time,
      member,
      duration,
    });
  }

  /** What was noted since the last call. */
  take(): readonly Row[] {
    const rows = this.#rows;
    if (rows.length === 0) return rows;
    this.#rows = [];
    this.#again = new Map();
    return rows;
  }
}

/**
 * What the others do not know of this server's blocks; inside a transaction, from then on they do. `ahead`: how far this
 * clock is ahead of the engine's, ms.
 */
export function takeChanges(store: Store, ahead: number): readonly Row[] {
  return store.blocks.unshared().flatMap((block) => {
    store.blocks.noteShared(block.id);
    return describeChange(store, block, ahead);
  });
}

/**
 * In the order in which the engine is to have them: what is counted after a release counts again, and a block takes no
 * more counts.
 */
export function orderRows(changes: readonly Row[], counted: readonly Row[]): readonly Row[] {
  const isRelease = ({ kind }: Row) => kind === 'release';
  return [
    ...changes.filter(isRelease),
    ...counted,
    ...changes.filter((change) => !isRelease(change)),
  ];
}

function describeChange(store: Store, block: StoredBlock, ahead: number): Row[] {
  // A sender at one gateway of this server does not concern the others.
  if (block.at !== undefined) return [];
  const { key, start, end, released, releasedBy, passwordBy } = block;
  if (released === undefined) {
    const about = describeBlock(store, block);
    const stop = end === undefined ? 0 : end - ahead;
    return [{ kind: 'block', key: nameKey(key), start: start - ahead, end: stop, about }];
  }
  if (releasedBy === 'expiry' || releasedBy === 'server') return []; // the others know
  const time = Math.max(released, start) - ahead;
  const names = new Set([nameKey(key)]);
  // A client may be blocked with its whole network, and is counted by its address.
  const verdict = block.verdict === undefined ? undefined : store.verdicts.get(block.verdict);
  if (verdict !== undefined) names.add(nameKey(verdict.verdict.key));
  const about = dropUndefined({
    how: releasedBy,
    who: passwordBy ?? findWho(store, block, 'unblock'),
  });
  return [...names].map((name) => ({ kind: 'release', key: name, time, about }));
}

function describeBlock(store: Store, block: StoredBlock): BlockAbout {
  const { cause, verdict, note } = block;
  const stored = verdict === undefined ? undefined : store.verdicts.get(verdict)?.verdict;
  if (stored === undefined)
    return dropUndefined({ rule: cause, note, who: findWho(store, block, 'block') });
  const { time, count, limit, period, hosts } = stored;
  return dropUndefined({ rule: cause, time, count, limit, period, hosts });
}

/** Who did it by hand, on this server or the one where it began. */
function findWho(store: Store, { id, who }: StoredBlock, what: 'block' | 'unblock') {
  const done = store.actions.ofBlock(id).findLast((one) => one.what === what && one.done);
  return done?.who ?? (what === 'block' ? who : undefined);
}

/** The key as it stands in the engine. */
export function nameKey({ type, id }: { readonly type: string; readonly id: string }): string {
  return `${type}:${id}`;
}
