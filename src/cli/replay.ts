/** `postern replay`: what the rules would have done with log files. Stores nothing, blocks nobody. */

import { statSync } from 'node:fs';
import { dropUndefined } from '../base/defined.ts';
import { EXIT, type ExitStatus, PosternError } from '../base/errors.ts';
import { escapeControls } from '../base/escape.ts';
import { counted } from '../base/text.ts';
import { formatDuration, formatTime, systemClock } from '../base/time.ts';
import type { AllowSource } from '../config/allow-list.ts';
import type { Config } from '../config/load.ts';
import { SHIPPED_RULES } from '../config/resolve.ts';
import { findMisfit, loadPlainRules, type RulesConfig } from '../config/rules.ts';
import { readEvents } from '../interpret/files.ts';
import type { InterpreterOptions } from '../interpret/interpreter.ts';
import { loadRules, type Rule } from '../judge/rule.ts';
import type { Verdict } from '../model/block.ts';
import { buildValueFormat, type ValueFormat } from '../model/evidence.ts';
import { formatIdentity, formatTarget } from '../model/identity.ts';
import { PLAIN_LOGINS } from '../model/login.ts';
import type { Preset } from '../model/preset.ts';
import { describePast } from '../model/usual.ts';
import { Judging, LONG_LOG } from '../report/judging.ts';
import { describeOutage, outageToJson } from '../report/outages.ts';
import { pastToJson } from '../report/past.ts';
import { proposalsToJson, proposalsToYaml } from '../report/proposals.ts';
import type { NearLimit } from '../report/replay.ts';
import type { Findings, TrialTask } from '../report/trials.ts';
import { tuningToJson } from '../report/tuning.ts';
import { type Io, jsonLine } from './io.ts';
import { interpreterOptions, namedConfig, type OfflineOptions } from './offline-options.ts';
import { Progress } from './progress.ts';

/** How many identities the text names that came close. */
const MOST_NEAR = 20;

export interface ReplayOptions extends OfflineOptions {
  /** folder of rules; default: those of the configuration with its preset, or the shipped ones */
  readonly rules?: string;
  readonly preset?: Preset;
  readonly tuning?: boolean;
  readonly html?: boolean;
  /** print proposals instead */
  readonly suggest?: boolean;
  /** how many keys a proposed limit may still catch; default 3 */
  readonly spareAllBut?: string;
}

/** Throws a PosternError (exit status 1) for a file that cannot be read. */
export async function runReplay(
  files: readonly string[],
  options: ReplayOptions,
  io: Io,
): Promise<ExitStatus> {
  const most = readMost(options.spareAllBut);
  const config = await namedConfig(options);
  const reading = await interpreterOptions(options, config);
  if (options.html === true && options.format === 'json')
    throw new PosternError('usage', '--html: name it or --format json, not both');
  const task = buildTask(options, config, options.suggest === true ? most : undefined);
  const replay = await judgeFiles(files, reading, task, io);
  const { proposals } = replay;
  if (proposals !== undefined) {
    const isJson = options.format === 'json';
    io.stdout(
      isJson ? jsonLine(proposalsToJson(proposals)) : proposalsToYaml(proposals, replay.lines),
    );
    return EXIT.done;
  }
  const format = buildValueFormat(task.rules);
  if (options.html === true) {
    const { replayToHtml } = await import('./replay-html.ts');
    io.stdout(replayToHtml(replay, headline(replay), format));
  } else {
    io.stdout(options.format === 'json' ? replayJson(replay) : await replayText(replay, format));
  }
  return EXIT.done;
}

/** `mostCaught`: by a proposed limit; undefined: nothing is proposed. */
function buildTask(
  options: ReplayOptions,
  config: Config | undefined,
  mostCaught: number | undefined,
): TrialTask {
  const chosen = chooseRules(options, config);
  const { hours, overrides, logins } = chosen;
  return {
    rules: loadPlainRules(chosen).map(countDeferred),
    changes: dropUndefined({ hours, overrides, logins }),
    allow: chooseAllowed(config),
    isTuned: options.tuning === true || options.html === true,
    mostCaught,
  };
}

/** Without a configuration, nobody is allowed beyond those who are never blocked anyway. */
function chooseAllowed(config: Config | undefined): AllowSource {
  if (config === undefined) return { allow: {} };
  const { allow, exceptions, logins, trustedNetworks, mta } = config;
  return dropUndefined({ allow, exceptions, logins, trustedNetworks, mta });
}

/** A log has no requests for recipients, only accepted mail: a rule that defers observes that here. */
function countDeferred(rule: Rule): Rule {
  return rule.action === 'defer' ? { ...rule, action: 'observe' } : rule;
}

/** Rules to try out may lack those that an override is for: it is left out then. */
function chooseRules({ rules, preset }: ReplayOptions, config: Config | undefined): RulesConfig {
  const base: RulesConfig = config ?? {
    file: '',
    rules: SHIPPED_RULES,
    overrides: { entries: [], files: [] },
    logins: PLAIN_LOGINS,
  };
  if (rules === undefined) return preset === undefined ? base : { ...base, preset };
  const loaded = loadRules(rules);
  const entries = base.overrides.entries.filter((each) => findMisfit(each, loaded) === undefined);
  return dropUndefined({
    ...{ file: base.file, rules, preset, hours: base.hours, logins: base.logins },
    overrides: { ...base.overrides, entries },
  });
}

function readMost(text = '3'): number {
  if (/^\d{1,6}$/.test(text)) return Number(text);
  throw new PosternError('usage', `--spare-all-but ${text}: expected a whole number, such as 3`);
}

interface Replay extends Omit<Findings, 'nearest'> {
  readonly lines: number;
  readonly events: number;
  readonly nearest: readonly NearLimit[];
  /** messages that counted for nobody, because their login is not certain */
  readonly ambiguousLogins: number;
}

async function judgeFiles(
  files: readonly string[],
  reading: InterpreterOptions,
  task: TrialTask,
  io: Io,
): Promise<Replay> {
  const size = measureFiles(files);
  const judging = new Judging(task, size !== undefined && size >= LONG_LOG ? 0 : undefined);
  try {
    const read = await readFiles(files, { reading, size }, judging, io);
    const found = await judging.end();
    const nearest = found.nearest.map((near) => ({ ...near, time: formatTime(near.time) }));
    return { ...found, ...read, nearest };
  } finally {
    await judging.stop();
  }
}

/** Reads all lines, and lets their events be judged. `size` in bytes, if it is known. */
async function readFiles(
  files: readonly string[],
  { reading, size }: { readonly reading: InterpreterOptions; readonly size: number | undefined },
  judging: Judging,
  io: Io,
): Promise<Pick<Replay, 'lines' | 'events' | 'ambiguousLogins'>> {
  let lines = 0;
  let made = 0;
  let leftOut = 0;
  let ambiguousLogins = 0;
  const progress = new Progress(io, 'line');
  let read = 0;
  const onBytes = (count: number) => {
    read += count;
  };
  // No rule counts what has left the queue.
  const options = { ...reading, now: systemClock.now(), onBytes, leavesOutRemovals: true };
  for await (const batch of readEvents(files, options)) {
    lines += batch.lines;
    ({ leftOut, ambiguousLogins } = batch);
    progress.add(batch.lines, size === undefined ? undefined : read / size);
    for (const event of batch.events) if (event.amends !== true) made++;
    await judging.feed(batch.events);
  }
  progress.end();
  return { lines, events: made + leftOut, ambiguousLogins };
}

/** Bytes of all files; undefined if one of them has no size, as standard input. */
function measureFiles(files: readonly string[]): number | undefined {
  let size = 0;
  for (const file of files) {
    const stats = file === '-' ? undefined : statSync(file, { throwIfNoEntry: false });
    if (stats?.isFile() !== true) return undefined;
    size += stats.size;
  }
  return size === 0 ? undefined : size;
}

function replayJson(replay: Replay): string {
  const { lines, events, verdicts, nearest, outages, ownMailboxes, ambiguousLogins, tuning } =
    replay;
  return jsonLine(
    dropUndefined({
      lines,
      events,
      verdicts: verdicts.map(verdictJson),
      nearest,
      suspects: outages.length === 0 ? undefined : outages.map(outageToJson),
      tuning: tuning?.map(tuningToJson),
      ownMailboxesNotFound: ownMailboxes?.count,
      ambiguousLogins: ambiguousLogins === 0 ? undefined : ambiguousLogins,
    }),
  );
}

function verdictJson(verdict: Verdict): Record<string, unknown> {
  const { rule, action, key, at, people, time, source, line, count, past } = verdict;
  const { limit, limitWhy } = verdict;
  return dropUndefined({
    ...{ rule, action, key, at, people },
    ...{ time: formatTime(time), source, line, count },
    ...(limitWhy === undefined ? {} : { limit, limitWhy }),
    past: past && pastToJson(past),
  });
}

async function replayText(replay: Replay, measure: ValueFormat): Promise<string> {
  const { verdicts, nearest, outages, ownMailboxes, ambiguousLogins, tuning } = replay;
  const out = [headline(replay), ''];
  for (const verdict of verdicts) out.push(...verdictLines(verdict, measure));
  if (verdicts.length === 0) out.push('Nobody met a limit.');
  if (outages.length > 0) out.push('', 'Provider outages, whose refusals did not count:');
  for (const outage of outages) out.push(`    ${describeOutage(outage)}`);
  if (ownMailboxes !== undefined) out.push('', escapeControls(ownMailboxes.text));
  if (ambiguousLogins > 0) {
    const messages = counted(ambiguousLogins, 'message');
    out.push(
      '',
      `${messages} of logins with a colon or a quote counted for nobody: see docs/mta/exim.md.`,
    );
  }
  if (nearest.length > 0) out.push('', 'Closest without a verdict:');
  for (const { key, rule, highest, limit } of nearest.slice(0, MOST_NEAR)) {
    out.push(
      `    ${formatIdentity(key)}: ${measure(highest, rule)} of ${measure(limit, rule)} (${rule})`,
    );
  }
  if (nearest.length > 0) out.push('    The first number is the limit that would have caught it.');
  if (tuning !== undefined) {
    const { buildTuningTables } = await import('../report/replay.ts');
    const { tableToLines } = await import('../report/text.ts');
    for (const table of buildTuningTables(tuning, measure)) out.push('', ...tableToLines(table));
  }
  return `${out.map(escapeControls).join('\n')}\n`;
}

function headline({ lines, events, verdicts }: Replay): string {
  const blocks = verdicts.filter((verdict) => verdict.action === 'block').length;
  return [
    counted(lines, 'line'),
    counted(events, 'event'),
    counted(blocks, 'block'),
    counted(verdicts.length - blocks, 'observation'),
  ].join(', ');
}

function verdictLines(verdict: Verdict, measure: ValueFormat): string[] {
  const { rule, action, count, period, people, time, source, line, past } = verdict;
  const { limit, limitWhy } = verdict;
  const hits = people === undefined ? '' : `, with ${people} senders`;
  const what = action === 'block' ? 'would block' : 'would note ';
  return [
    `${formatTime(time)} ${what} ${formatTarget(verdict)}${hits}`,
    `    ${rule}: ${measure(count, rule)} in ${formatDuration(period)}, met at ${source}:${line}`,
    ...(limitWhy === undefined ? [] : [`    limit ${measure(limit, rule)}: ${limitWhy}`]),
    ...(past === undefined ? [] : [`    usual: ${describePast(past, period)}`]),
  ];
}
