/**
 * Asks DNS blocklists about our addresses and names. A list is only believed while it lists its test entry and does not
 * list the other one (RFC 5782 section 5); that is tried at most once an hour. Never a listing: an answer outside 127/8,
 * an error code (127.255.255.0/24), a time-out.
 */
import { HOUR } from '../base/time.ts';
import type { Cost, ListingResult, ListingState } from '../model/listing.ts';
import { type Blocklist, isDead, type LiveList } from './lists.ts';
import { buildQueryName, type Kind, parseSubject, TEST_ENTRIES } from './query-name.ts';
import { type Answer, namePublicResolvers, type Questions } from './resolver.ts';

/** What a list answered, without the address. */
interface Verdict {
  readonly state: ListingState;
  readonly codes: readonly string[];
  readonly meaning: string;
}

/** An address and a list that take part in a round. */
export interface Pair {
  readonly subject: string;
  readonly list: Blocklist;
}

/** Every address and name with every list of its kind. Throws a RangeError for what is neither address nor name. */
export function pairUp(subjects: readonly string[], lists: readonly Blocklist[]): Pair[] {
  return [...new Set(subjects)].flatMap((subject) => {
    const kind = readKind(subject);
    return lists.filter(({ kinds }) => kinds.includes(kind)).map((list) => ({ subject, list }));
  });
}

function readKind(subject: string): Kind {
  const parsed = parseSubject(subject);
  if (parsed === undefined) throw new RangeError(`not an address or a name: ${subject}`);
  return parsed.kind;
}

/** How long the outcome of the test of a list is used, ms. */
const TRUSTED_FOR = HOUR;

export class ListingProbe {
  readonly #tests = new Map<
    string,
    { readonly time: number; readonly doubt: Promise<Verdict | undefined> }
  >();

  /**
   * Asks each pair, one question each. `dqsKey`: of the Spamhaus Data Query Service, for lists that have one. `now` in
   * ms. Results in the order of the pairs.
   */
  async ask(
    pairs: readonly Pair[],
    questions: Questions,
    { now, dqsKey }: { readonly now: number; readonly dqsKey?: string | undefined },
  ): Promise<ListingResult[]> {
    return await Promise.all(
      pairs.map(async ({ subject, list }) => {
        const verdict = isDead(list)
          ? { state: 'dead' as const, codes: [], meaning: withoutStop(list.about) }
          : await this.#askOne(subject, { list, questions, now, dqsKey });
        return toResult(subject, list, verdict);
      }),
    );
  }

  async #askOne(subject: string, context: Context): Promise<Verdict> {
    const kind = readKind(subject);
    const doubt = await this.#test(kind, context);
    if (doubt !== undefined) return doubt;
    const answer = await askEntry(kind, subject, context);
    return readAnswer(answer, context) ?? { state: 'clear', codes: [], meaning: 'not listed' };
  }

  /** Why the list is not believed now; undefined if it is. */
  async #test(kind: Kind, context: Context): Promise<Verdict | undefined> {
    const { list, now, questions, dqsKey } = context;
    const name = [kind, list.zone, dqsKey === undefined ? '' : 'dqs', ...questions.servers].join(
      ' ',
    );
    const known = this.#tests.get(name);
    if (known !== undefined && now >= known.time && now - known.time < TRUSTED_FOR) {
      return await known.doubt;
    }
    const doubt = findDoubt(kind, context);
    this.#tests.set(name, { time: now, doubt });
    return await doubt;
  }
}

interface Context {
  readonly list: LiveList;
  readonly questions: Questions;
  readonly now: number;
  readonly dqsKey?: string | undefined;
}

function askEntry(
  kind: Kind,
  subject: string,
  { list, questions, dqsKey }: Context,
): Promise<Answer> {
  const zone = dqsKey === undefined || list.dqs === undefined ? list.zone : `${dqsKey}.${list.dqs}`;
  return questions.askAddresses(buildQueryName(kind, subject, zone));
}

async function findDoubt(kind: Kind, context: Context): Promise<Verdict | undefined> {
  const entries = TEST_ENTRIES[kind];
  const [listed, clear] = await Promise.all([
    askEntry(kind, entries.listed, context),
    askEntry(kind, entries.clear, context),
  ]);
  const positive = hasCode(listed) ? readAnswer(listed, context) : undefined;
  const doubt = positive ?? findSilence(entries.listed, context);
  if (doubt.state !== 'listed') return doubt;
  const negative = readAnswer(clear, context);
  if (negative?.state !== 'listed') return negative;
  const meaning = `the list is not believed: it lists ${entries.clear}, which no list may do, so it may list everybody`;
  return { state: 'dead', codes: negative.codes, meaning };
}

/** False for an answer that a list does not give: nothing, or what stands in place of a name that does not exist. */
function hasCode(answer: Answer): boolean {
  return 'failure' in answer || answer.addresses.some((address) => address.startsWith('127.'));
}

/** The list does not even list its test entry: it is gone, or it gives this resolver nothing. */
function findSilence(entry: string, { list, questions }: Context): Verdict {
  const open = namePublicResolvers(questions.servers);
  const silence = `it does not list its test entry ${entry}`;
  if (list.register !== undefined) {
    const meaning = `${silence}: it answers only resolvers whose address is registered, see ${list.register}`;
    return { state: 'refused', codes: [], meaning };
  }
  if (list.noPublic === true && open.length > 0) {
    const meaning = `${silence}: it gives no data to the public resolver ${open.join(', ')}`;
    return { state: 'refused', codes: [], meaning };
  }
  return { state: 'dead', codes: [], meaning: `the list is not believed: ${silence}` };
}

/** A list gives one or a few; what is stored and mailed is bounded. */
const MOST_CODES = 20;

/** What an answer means; undefined if the entry is not listed. */
function readAnswer(answer: Answer, context: Context): Verdict | undefined {
  const { list } = context;
  if ('failure' in answer) return { state: 'unknown', codes: [], meaning: answer.failure };
  const codes = answer.addresses.filter((address) => address.startsWith('127.')).sort(compareCodes);
  const errors = codes.filter((code) => isError(code, list));
  if (errors.length > 0) {
    return { state: 'refused', codes: errors, meaning: describeError(errors, context) };
  }
  if (codes.length > 0) {
    const shown = codes.slice(0, MOST_CODES);
    const meanings = shown.map(
      (code) => list.codes[code] ?? `${code}, a code without a known meaning`,
    );
    return { state: 'listed', codes: shown, meaning: [...new Set(meanings)].join('; ') };
  }
  const [stranger] = answer.addresses;
  if (stranger === undefined) return undefined;
  const meaning = `the answer ${stranger} is not one that a list gives; does the resolver answer in place of names that do not exist?`;
  return { state: 'unknown', codes: [], meaning };
}

/** 127.0.0.1 is what a resolver or a list gives that does not want to be asked. */
function isError(code: string, { codes }: LiveList): boolean {
  return code.startsWith('127.255.255.') || (code === '127.0.0.1' && codes[code] === undefined);
}

/** As numbers: 127.0.0.10 after 127.0.0.4. */
function compareCodes(one: string, other: string): number {
  return one.localeCompare(other, 'en', { numeric: true });
}

/** https://www.spamhaus.org/faqs/dnsbl-usage/: the codes of Spamhaus, which others use in the same sense. */
const ERRORS: Readonly<Record<string, (resolver: string) => string>> = {
  '127.255.255.252': () => 'the list reports a typing error in the name of its zone',
  '127.255.255.254': (resolver) =>
    `the list refuses questions through a public resolver: ${resolver}`,
  '127.255.255.255': (resolver) =>
    `the list refuses the resolver ${resolver}: too many questions came from there`,
};

function describeError(
  [code = '']: readonly string[],
  { questions: { servers }, list, dqsKey }: Context,
): string {
  const open = namePublicResolvers(servers);
  const resolver =
    open.length > 0 ? open.join(', ') : `${servers.join(', ')} or the one that it asks`;
  const known = ERRORS[code];
  if (known !== undefined) return known(resolver);
  const withKey = dqsKey !== undefined && list.dqs !== undefined;
  return `the list refuses ${withKey ? 'the key' : `the resolver ${resolver}`} (${code})`;
}

function toResult(subject: string, list: Blocklist, verdict: Verdict): ListingResult {
  const { state, codes, meaning } = verdict;
  const cost: Cost = isDead(list) ? 'information' : list.cost;
  const removal = state === 'listed' && !isDead(list) ? list.removal : '';
  return { address: subject, list: list.name, state, codes, meaning, removal, cost };
}

function withoutStop(text: string): string {
  return text.replace(/\.$/, '');
}
