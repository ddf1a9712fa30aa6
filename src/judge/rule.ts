/**
 * Rules: what a checked rule is, and how `rules/*.yaml` are read into it.
 * If a file has problems, nothing is loaded. All problems of all files are reported at once, with file, line and key.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { getErrno, getMessage, located, PosternError } from '../base/errors.ts';
import { findProblems } from '../base/fields.ts';
import { DAY, HOUR } from '../base/time.ts';
import { type Problem, readYaml, type YamlFile } from '../base/yaml.ts';
import type { Action } from '../model/block.ts';
import type { Direction } from '../model/event.ts';
import type { NewKind } from '../model/usual.ts';
import type { Adjustment } from './adjustment.ts';
import { contradictions, REFUSALS } from './contradictions.ts';
import { type RuleFields, ruleSchema } from './schema.ts';

/** An event kind, a reason, or one of the sets `invalid`, `recipients`, `messages`, `logins`, `backscatter`. */
type Count = RuleFields['count'];
export type Per = RuleFields['per'];
export type Distinct = NonNullable<RuleFields['distinct']>;

/** LIM and PERIOD: `limit` events (distinct values, recipients, percent) within `period` ms. */
export interface Limit {
  readonly limit: number;
  readonly period: number;
}

/** Percent of a limit that one recipient domain, one remote host may contribute; undefined: all of it. */
interface Bound {
  readonly domain?: number | undefined;
  readonly host?: number | undefined;
}

/** How a rule measures a key against its own past. */
export interface Usual {
  /** so many times the busiest hour or day of the past; the limit of the rule is the least */
  readonly times: number;
  /** only what the key has not used before counts */
  readonly new?: NewKind | undefined;
  /** ms of silence after which a key wakes, and for two days has the limit of the rule; undefined: it has no past then */
  readonly asleep?: number | undefined;
  /** ms: a key that is known for a shorter time meets no limit */
  readonly history: number;
}

/** What a rule does not count; all but the networks in lower case. */
export interface Exceptions {
  readonly users: readonly string[];
  readonly addresses: readonly string[];
  readonly networks: readonly string[];
  readonly domains: readonly string[];
}

/** A checked rule; all times in ms. */
export interface Rule {
  readonly name: string;
  /** the file it came from, for messages */
  readonly file: string;
  readonly description: string;
  /** why the numbers were chosen, and where they come from */
  readonly reason?: string | undefined;
  readonly source?: string | undefined;
  readonly count: Count;
  readonly per: Per;
  readonly limits: readonly Limit[];
  /** the limits are percent of all recipients */
  readonly ratio: boolean;
  readonly distinct?: Distinct | undefined;
  /** the least number of counted events in the window with which a ratio or distinct rule can be met */
  readonly atLeast: number;
  /** the least share of all outcomes that the counted events must also reach, in percent */
  readonly atLeastShare?: number | undefined;
  /** what one remote party may contribute; undefined: no bound */
  readonly bound?: Bound | undefined;
  /** undefined: the limits are the same for all keys */
  readonly usual?: Usual | undefined;
  readonly action: Action;
  /** ms that the first, the second, ... block lasts, the last one for all that follow; undefined: until released */
  readonly durations: readonly (number | undefined)[];
  /** what ends its blocks early, besides `postern unblock` */
  readonly endsWith?: 'password-changed' | undefined;
  readonly direction?: Direction | undefined;
  /** only mail with the null reverse-path: bounces, automatic replies */
  readonly nullSender?: boolean | undefined;
  readonly except: Exceptions;
  /** gateways that choose their senders freely (networks, addresses, `uid:NAME`): never one of their senders is blamed */
  readonly freeSenders: readonly string[];
  /** ms; a verdict on an event that is older than this is recorded, but not enforced */
  readonly fresh: number;
  /** its verdicts are sent by mail; otherwise they are only in the report */
  readonly notify: boolean;
  readonly enabled: boolean;
  /** of a rule that defers: what follows 450; undefined: a text of our own */
  readonly text?: string | undefined;
  /** what the configuration changes about its limits; undefined: nothing */
  readonly adjustment?: Adjustment | undefined;
}

/**
 * Reads one rule; `file` is only used in messages.
 * Throws a PosternError (exit status 2) listing every problem, one a line: `file:line: key: what was expected`.
 */
export function parseRule(text: string, file: string): Rule {
  const problems: Problem[] = [];
  const read = readRule(text, file, problems);
  if (read === undefined) throw problemError(problems);
  return read.rule;
}

/**
 * Reads all `*.yaml` directly in `folder`, in the order of their names; subfolders are not searched.
 * Throws one PosternError (exit status 2) for all problems of all files. A folder without rules is a problem too:
 * a service that looks for nothing would seem healthy.
 */
export function loadRules(folder: string): readonly Rule[] {
  const problems: Problem[] = [];
  const read: ReadRule[] = [];
  for (const file of ruleFiles(folder, problems)) {
    const text = textOfFile(file, problems);
    const one = text === undefined ? undefined : readRule(text, file, problems);
    if (one !== undefined) read.push(one);
  }
  problems.push(...duplicateNames(read));
  if (problems.length > 0) throw problemError(problems);
  return read.map(({ rule }) => rule);
}

/** A rule, and its file, which knows the lines of its fields. */
interface ReadRule {
  readonly rule: Rule;
  readonly yaml: YamlFile;
}

function ruleFiles(folder: string, problems: Problem[]): string[] {
  try {
    const names = readdirSync(folder, { withFileTypes: true })
      .filter((entry) => !entry.isDirectory() && !entry.name.startsWith('.'))
      .map((entry) => entry.name)
      .sort();
    for (const name of names.filter((name) => name.endsWith('.yml'))) {
      problems.push({ file: join(folder, name), text: 'expected a name that ends in .yaml' });
    }
    const files = names.filter((name) => name.endsWith('.yaml'));
    if (files.length === 0)
      problems.push({ file: folder, text: 'expected at least one *.yaml file' });
    return files.map((name) => join(folder, name));
  } catch (error) {
    const why = getErrno(error) ?? getMessage(error);
    problems.push({ file: folder, text: `expected a readable folder of rules (${why})` });
    return [];
  }
}

/** The text of a file, or undefined with a problem added. */
function textOfFile(file: string, problems: Problem[]): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    const why = getErrno(error) ?? getMessage(error);
    problems.push({ file, text: `expected a readable file (${why})` });
    return undefined;
  }
}

function duplicateNames(read: readonly ReadRule[]): Problem[] {
  const first = new Map<string, string>();
  const problems: Problem[] = [];
  for (const { rule, yaml } of read) {
    const other = first.get(rule.name);
    if (other === undefined) first.set(rule.name, rule.file);
    else problems.push(yaml.problem(['name'], `expected another name: ${other} has this one`));
  }
  return problems;
}

/** The rule; or undefined, with all problems added to `problems` in the order of the lines. */
function readRule(text: string, file: string, problems: Problem[]): ReadRule | undefined {
  const yaml = readYaml(text, file);
  if (yaml.value === undefined) {
    problems.push(...yaml.problems);
    return undefined;
  }
  const result = ruleSchema.safeParse(yaml.value);
  const issues = result.error?.issues ?? [];
  const found = [...yaml.problems, ...findProblems(yaml, issues, unknownField)];
  if (isMapping(yaml.value)) {
    found.push(...contradictions(yaml.value).map(({ path, text }) => yaml.problem(path, text)));
  }
  problems.push(...found.sort((a, b) => (a.line ?? 0) - (b.line ?? 0)));
  return result.success && found.length === 0
    ? { rule: buildRule(result.data, file), yaml }
    : undefined;
}

function isMapping(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function unknownField(path: readonly PropertyKey[]): string {
  return `expected one of: ${knownFields(path).join(', ')}`;
}

function knownFields(path: readonly PropertyKey[]): string[] {
  if (path[0] === 'except') return ['users', 'addresses', 'networks', 'domains'];
  if (path[0] === 'usual') return ['times', 'new', 'asleep', 'history'];
  return path[0] === 'limits' ? ['limit', 'period'] : Object.keys(ruleSchema.shape);
}

function buildRule(fields: RuleFields, file: string): Rule {
  return {
    name: fields.name,
    file,
    description: fields.description ?? '',
    reason: fields.reason,
    source: fields.source,
    count: fields.count,
    per: fields.per,
    limits: readLimits(fields),
    ratio: fields['ratio-of'] !== undefined,
    distinct: fields.distinct,
    atLeast: fields['at-least'] ?? 1,
    atLeastShare: fields['at-least-share'],
    bound: readBound(fields),
    usual: fields.usual && { ...fields.usual, history: fields.usual.history ?? 7 * DAY },
    action: fields.action,
    durations: [fields.for, ...(fields.escalation ?? [])].map((time) =>
      typeof time === 'number' ? time : undefined,
    ),
    endsWith: fields['ends-with'],
    direction: fields.direction,
    nullSender: fields['null-sender'],
    except: readExceptions(fields),
    freeSenders: fields['free-senders'] ?? [],
    fresh: fields.fresh ?? HOUR,
    notify: fields.notify ?? fields.action !== 'observe',
    enabled: fields.enabled ?? true,
    text: fields.text,
  };
}

function readLimits(fields: RuleFields): Limit[] {
  const limits = fields.limits ?? [{ limit: fields.limit ?? 1, period: fields.period ?? HOUR }];
  // A percentage is a text such as `25%`; the schema has checked it.
  return limits.map(({ limit, period }) => ({ limit: Number.parseInt(String(limit), 10), period }));
}

/** Whether the rule may blame one sender instead of the gateway: it blocks clients or local accounts for refusals. */
export function blamesSenders({ action, per, count }: Rule): boolean {
  const isOfGateway = per === 'submitter' || per === 'client' || per === 'uid';
  return action === 'block' && isOfGateway && REFUSALS.has(count);
}

function readBound(fields: RuleFields): Bound | undefined {
  const { 'most-per-domain': domain, 'most-per-host': host } = fields;
  return domain === undefined && host === undefined ? undefined : { domain, host };
}

function readExceptions({ except }: RuleFields): Exceptions {
  const lower = (texts: readonly string[] = []) => texts.map((text) => text.toLowerCase());
  return {
    users: lower(except?.users),
    addresses: lower(except?.addresses),
    networks: except?.networks ?? [],
    domains: lower(except?.domains),
  };
}

function problemError(problems: readonly Problem[]): PosternError {
  const lines = problems.map((problem) => located(problem, problem.text));
  return new PosternError('configuration', lines.join('\n'), {
    code: 'bad-rule',
    place: problems[0] ?? {},
  });
}
