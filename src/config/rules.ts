/**
 * The rules of a configuration: its folder, the preset, and what `hours` and `overrides` change about their limits. All
 * commands and the service load them here, so that they agree. A file of overrides is read again when it changes.
 */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { PosternError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { silentLog } from '../base/silent-log.ts';
import { formatDuration, systemClock } from '../base/time.ts';
import { type LineProblem, WatchedFile } from '../base/watched-file.ts';
import { withCanonicalUsers } from '../judge/exceptions.ts';
import { buildAdjustment, fitsRule, type Overrides } from '../judge/limits.ts';
import { parseOverrideFile } from '../judge/override-file.ts';
import { NO_OVERRIDES, type Override, OverrideTable } from '../judge/overrides.ts';
import { loadRules, type Rule } from '../judge/rule.ts';
import { buildCanonicalLogin, type CanonicalLogin } from '../model/login.ts';
import type { Preset } from '../model/preset.ts';
import type { Config } from './config.ts';
import { addExcepted, readExceptions } from './exceptions.ts';
import { SHIPPED_RULES } from './resolve.ts';

export type RulesConfig = Pick<
  Config,
  'file' | 'rules' | 'preset' | 'hours' | 'overrides' | 'logins'
> & {
  /** the file of exceptions that were added by command; undefined: none */
  readonly exceptions?: string;
};

/** What is wrong with a file of overrides. */
export interface OverrideTrouble {
  readonly file: string;
  /** it cannot be read; undefined: some lines are passed over */
  readonly failure?: string;
  readonly problems: readonly LineProblem[];
}

/**
 * Loads the rules, each with the limits that apply. Throws a PosternError (exit status 2) that lists every problem of the
 * files of rules, or every override of the configuration that fits no rule. A file of overrides never makes it throw:
 * what is wrong there goes to `log`.
 */
export function loadConfiguredRules(config: RulesConfig, log: Log = silentLog): readonly Rule[] {
  return adjustRules(loadPlainRules(config), config, log);
}

/** Loads the rules, as plain data: without `adjustment`. Throws as `loadConfiguredRules` does. */
export function loadPlainRules(config: RulesConfig): readonly Rule[] {
  const canonical = buildCanonicalLogin(config.logins);
  const excepted = config.exceptions === undefined ? [] : readExceptions(config.exceptions).entries;
  const rules = withCanonicalUsers(addExcepted(loadWithPreset(config), excepted), canonical);
  assertFitting(config, rules);
  return rules;
}

/** The same rules, each with the limits that apply. What is wrong with a file of overrides goes to `log`. */
export function adjustRules(
  rules: readonly Rule[],
  config: Pick<RulesConfig, 'hours' | 'overrides' | 'logins'>,
  log: Log = silentLog,
): readonly Rule[] {
  const { hours, logins } = config;
  const table = buildTableLookup(config, rules, buildCanonicalLogin(logins), log);
  if (table === undefined && hours === undefined) return rules;
  return rules.map((rule) => ({
    ...rule,
    adjustment: buildAdjustment(rule, table, hours),
  }));
}

/** The folder of a preset. */
export function findPresetFolder(preset: Preset): string {
  return join(SHIPPED_RULES, 'presets', preset);
}

/** Rules of a preset stand in the place of those with the same name, or behind all others. */
function loadWithPreset({ rules, preset }: RulesConfig): readonly Rule[] {
  const own = loadRules(rules);
  if (preset === undefined) return own;
  const ours = new Map(loadRules(findPresetFolder(preset)).map((rule) => [rule.name, rule]));
  const replaced = own.map((rule) => ours.get(rule.name) ?? rule);
  return [...replaced, ...[...ours.values()].filter((rule) => !replaced.includes(rule))];
}

/** Files of a preset, for messages. */
export function listPresetRules(preset: Preset): string[] {
  return readdirSync(findPresetFolder(preset))
    .filter((name) => name.endsWith('.yaml'))
    .map((name) => name.slice(0, -'.yaml'.length))
    .sort();
}

function assertFitting({ file, overrides }: RulesConfig, rules: readonly Rule[]): void {
  const problems = overrides.entries.flatMap((override) => {
    const text = findMisfit(override, rules);
    return text === undefined ? [] : [`${override.place}: ${text}`];
  });
  if (problems.length === 0) return;
  throw new PosternError('configuration', problems.join('\n'), {
    code: 'bad-override',
    place: { file, key: 'overrides' },
  });
}

/** Why an override has no effect on any of the rules; undefined if it has. */
export function findMisfit(override: Override, rules: readonly Rule[]): string | undefined {
  const { rule, limit, period, key } = override;
  const named = rules.find(({ name }) => name === rule);
  if (rule !== undefined && named === undefined)
    return `rule: expected the name of a rule, found ${rule}`;
  if (named !== undefined && limit !== 'exempt' && limit.isPercent !== named.ratio)
    return `limit: expected a ${named.ratio ? 'percentage such as 30%' : 'number'} for the rule ${rule}`;
  const fitting = rules.filter((each) => fitsRule(override, each));
  const hasPeriod = (each: Rule) => each.limits.some((one) => one.period === period);
  if (period !== undefined && !fitting.some(hasPeriod))
    return `period: expected one of a rule, found ${formatDuration(period)}`;
  const isPerSender = ({ per }: Rule) => per === 'sender';
  if (key.type === 'list' && limit !== 'exempt' && !fitting.some(isPerSender))
    return 'list: expected exempt: true, or a rule that counts per sender';
  return fitting.length === 0 ? 'expected a rule with such a limit, found none' : undefined;
}

/** The overrides, or a function that gives them as they are now; undefined if there are none and no file. */
function buildTableLookup(
  { overrides }: Pick<RulesConfig, 'overrides'>,
  rules: readonly Rule[],
  canonical: CanonicalLogin | undefined,
  log: Log,
): Overrides | undefined {
  const { entries, files } = overrides;
  const build = (all: readonly Override[]) =>
    new OverrideTable(all.map((override) => withCanonicalUser(override, canonical)));
  if (files.length === 0) {
    return entries.length === 0 ? undefined : build(entries);
  }
  const watched = files.map((file) => watchOverrides(file, rules, log));
  let version = -1;
  let table = NO_OVERRIDES;
  return () => {
    let next = 0; // versions only grow; this runs for every event that is counted
    for (const file of watched) next += file.version;
    if (next !== version) {
      version = next;
      table = build([...entries, ...watched.flatMap(({ value }) => value)]);
    }
    return table;
  };
}

function watchOverrides(
  file: string,
  rules: readonly Rule[],
  log: Log,
): WatchedFile<readonly Override[]> {
  const parse = (text: string) => parseFitting(text, file, rules);
  return new WatchedFile(file, parse, { clock: systemClock, log });
}

/** The overrides of a file that fit a rule; the others are problems of their lines. */
function parseFitting(text: string, file: string, rules: readonly Rule[]) {
  const { value, problems } = parseOverrideFile(text, file);
  const misfits = value.flatMap((override) => {
    const text = findMisfit(override, rules);
    return text === undefined ? [] : [{ override, line: findLine(override), text }];
  });
  const isMisfit = new Set(misfits.map(({ override }) => override));
  return {
    value: value.filter((override) => !isMisfit.has(override)),
    problems: [...problems, ...misfits.map(({ line, text }) => ({ line, text }))].sort(
      (a, b) => a.line - b.line,
    ),
  };
}

function findLine({ place }: Override): number {
  return Number(place.slice(place.lastIndexOf(':') + 1));
}

function withCanonicalUser(override: Override, canonical: CanonicalLogin | undefined): Override {
  const { key } = override;
  if (canonical === undefined || key.type !== 'user') return override;
  return { ...override, key: { ...key, id: canonical(key.id) } };
}

/** What is wrong with the files of overrides now, for `check` and `status`. `rules` as they are loaded. */
export function findOverrideTrouble(
  { overrides }: RulesConfig,
  rules: readonly Rule[],
): OverrideTrouble[] {
  return overrides.files.flatMap((file) => {
    const watched = watchOverrides(file, rules, silentLog);
    const { failure, problems } = watched;
    if (failure === undefined && problems.length === 0) return [];
    return [{ file, problems, ...(failure === undefined ? {} : { failure }) }];
  });
}
