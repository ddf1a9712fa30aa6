/** The DNS blocklists of lists/dnsbl.yaml: what each is called, where it is asked, what its answers mean. */
import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { choice, findProblems, list, section, truth } from '../base/fields.ts';
import { packagePath } from '../base/package.ts';
import { problemsError, readYaml } from '../base/yaml.ts';
import { COSTS } from '../model/listing.ts';
import { KINDS } from './query-name.ts';

/** The file that comes with the program. */
const SHIPPED_LISTS = packagePath('lists/dnsbl.yaml');

const CODE = /^127(?:\.(?:25[0-5]|2[0-4]\d|1?\d?\d)){3}$/;
const words = z.string({ error: 'text' }).min(1, { error: 'text' });
const zone = z
  .string({ error: 'a DNS zone' })
  .regex(/^[a-z0-9-]+(?:\.[a-z0-9-]+)+$/, { error: 'a DNS zone' });

const common = {
  name: z.string({ error: 'a name' }).regex(/^[a-z0-9-]+$/, { error: 'a name of a-z, 0-9 and -' }),
  zone,
  kinds: list(choice(KINDS), 'a list of ip4, ip6 and name').min(1, { error: 'at least one kind' }),
  about: words,
};
const live = section({
  ...common,
  cost: choice(COSTS),
  codes: z.record(z.string().regex(CODE), words, {
    error: 'addresses in 127/8, each with its meaning',
  }),
  removal: words,
  dqs: zone.optional(),
  noPublic: truth.optional(),
  register: words.optional(),
});
const dead = section({
  ...common,
  domain: zone.optional(),
  dead: z
    .string({ error: 'a month or a year such as 2024-06' })
    .regex(/^\d{4}(?:-\d\d)?$/, { error: 'a month or a year such as 2024-06' }),
});

/** A list that can be asked. */
export type LiveList = z.output<typeof live>;
/** A list that no longer works. It is known so that nobody trusts it, and is never asked. */
export type DeadList = z.output<typeof dead>;
export type Blocklist = LiveList | DeadList;

/** Whether the list no longer works. */
export function isDead(one: Blocklist): one is DeadList {
  return 'dead' in one;
}

let shipped: readonly Blocklist[] | undefined;

/** All lists of the package, read once. Throws a PosternError if the file was changed and is wrong now. */
export function shippedLists(): readonly Blocklist[] {
  shipped ??= parseLists(readFileSync(SHIPPED_LISTS, 'utf8'), SHIPPED_LISTS);
  return shipped;
}

/** Reads lists from `text`; `file` is its name in messages. Throws a PosternError that lists every problem. */
export function parseLists(text: string, file: string): Blocklist[] {
  const yaml = readYaml(text, file);
  if (yaml.problems.length > 0) throw problemsError('lists', yaml.problems);
  const entries = Array.isArray(yaml.value) ? yaml.value : undefined;
  if (entries === undefined) {
    throw problemsError('lists', [yaml.problem([], 'expected a list of blocklists')]);
  }
  const found = entries.map((entry, at) => {
    const isDeadEntry = typeof entry === 'object' && entry !== null && 'dead' in entry;
    const result = (isDeadEntry ? dead : live).safeParse(entry);
    const issues = (result.error?.issues ?? []).map((one) => ({ ...one, path: [at, ...one.path] }));
    const problems = findProblems(yaml, issues, () => 'expected a known key, found an unknown one');
    return { data: result.data, problems };
  });
  const problems = found.flatMap((one) => one.problems);
  if (problems.length > 0) throw problemsError('lists', problems);
  return found.map(({ data }) => data as Blocklist);
}

/** The list with this name or zone; undefined if there is none. */
export function findList(name: string, lists = shippedLists()): Blocklist | undefined {
  const wanted = name.toLowerCase().replace(/\.$/, '');
  return lists.find((one) => one.name === wanted || one.zone === wanted);
}
