/**
 * Rules with empty timelines. Rules that differ in nothing but their names, their limits and what they do, see the same
 * events in the same way, so they share a track: what an event costs does not grow with their number.
 */
import { networkSet } from '../model/address.ts';
import type { Key, KeyType } from '../model/block.ts';
import { SUBMITTER_TYPES } from '../model/event.ts';
import type { Member } from './member.ts';
import { blamesSenders, type Rule } from './rule.ts';
import { isBlaming } from './shape.ts';
import type { Tables } from './tables.ts';
import { Tally } from './tally.ts';
import { Track } from './track.ts';

/** A rule that is judged. */
export interface ActiveRule extends Member {
  readonly tally: Tally;
  /** whether one sender of a gateway may be blamed; undefined: never by this rule */
  readonly maySpare: ((gateway: Key) => boolean) | undefined;
}

/** The rules in their order, and the tracks that they share. */
export function activateRules(
  rules: readonly Rule[],
  tables: Tables,
): { readonly rules: readonly ActiveRule[]; readonly tracks: readonly Track[] } {
  const active = rules.map(activate);
  const tracks: Track[] = [];
  for (const { type, members } of groupRules(active)) {
    const track = tables.join(type, (slot, shelf) => new Track(members, type, slot, shelf));
    for (const { tally } of members) tally.join(track);
    tracks.push(track);
  }
  return { rules: active, tracks };
}

function activate(rule: Rule, order: number): ActiveRule {
  const maySpare = blamesSenders(rule) ? buildGatewayTest(rule.freeSenders) : undefined;
  return { rule, order, tally: new Tally(rule), maySpare };
}

/** A test whether a key is a gateway that does not choose its senders freely. `free`: networks, addresses, `uid:NAME`. */
function buildGatewayTest(free: readonly string[]): (gateway: Key) => boolean {
  const networks = networkSet(free.filter((text) => !text.startsWith('uid:')));
  const accounts = new Set(free.filter((text) => text.startsWith('uid:')));
  return ({ type, id }) => {
    if (type === 'uid') return !accounts.has(`uid:${id}`);
    return type === 'client' && !networks.has(id);
  };
}

interface Group {
  readonly type: KeyType;
  readonly members: ActiveRule[];
}

function groupRules(rules: readonly ActiveRule[]): Iterable<Group> {
  const groups = new Map<string, Group>();
  const sources = new Numbers();
  for (const active of rules) {
    for (const type of listKeyTypes(active.rule)) {
      const name = nameGroup(active, type, sources);
      const group = groups.get(name);
      if (group === undefined) groups.set(name, { type, members: [active] });
      else group.members.push(active);
    }
  }
  return groups.values();
}

function listKeyTypes({ per }: Rule): readonly KeyType[] {
  return per === 'submitter' ? SUBMITTER_TYPES : [per];
}

/** All that makes a difference to what is counted. */
function nameGroup({ rule, order }: ActiveRule, type: KeyType, sources: Numbers): string {
  const { count, per, ratio, distinct, atLeast, atLeastShare, bound, direction } = rule;
  const { nullSender, except, limits, adjustment } = rule;
  // After a verdict it counts without the sender that it has blamed.
  const isAlone = isBlaming(rule, type) || adjustment?.namesList === true;
  return JSON.stringify([
    ...[type, per, count, ratio, distinct, atLeast, atLeastShare, direction, nullSender, except],
    bound,
    // How long events are kept.
    Math.max(...limits.map(({ period }) => period)),
    adjustment?.sources.map((one) => sources.of(one)),
    isAlone ? order : undefined,
  ]);
}

/** A number for each of some objects. */
class Numbers {
  readonly #numbers = new Map<unknown, number>();

  of(one: unknown): number {
    const known = this.#numbers.get(one);
    if (known !== undefined) return known;
    this.#numbers.set(one, this.#numbers.size);
    return this.#numbers.size - 1;
  }
}
