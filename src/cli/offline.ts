/** Commands over given files, nothing stored and nothing enforced: parse, classify, replay. */

import { allowListOf, interpreterOptionsOf, isAllowed } from '../assemble.ts';
import { EXIT, type ExitStatus, PosternError } from '../base/errors.ts';
import { formatDuration, formatTime, systemClock } from '../base/time.ts';
import { isZone } from '../config/option.ts';
import { type Config, defaultConfig, loadConfig } from '../config.ts';
import { classify, parseReply } from '../correlate/reason.ts';
import { readLines } from '../follow/file.ts';
import type { InterpreterOptions } from '../interpret.ts';
import { Judge } from '../judge/judge.ts';
import { loadRules } from '../judge/rule.ts';
import { formatIdentity } from '../model/address.ts';
import type { Key, Verdict } from '../model/block.ts';
import { eventToJson, type Mta, type SubmitterType } from '../model/event.ts';
import { textOf } from '../model/line.ts';
import { readEvents } from '../offline.ts';
import { LineOrder } from '../order.ts';
import { noteSuspicion, type SuspectPeriod, suspectJson, suspectText } from '../suspects.ts';
import { type Io, jsonLine } from './io.ts';

export interface OfflineOptions {
  readonly config?: string;
  readonly mta?: Mta;
  readonly zone?: string;
  readonly format?: 'text' | 'json';
}

/** The configuration that was named, else the defaults: these commands need none. */
function configOf(options: OfflineOptions): { config: Config; named: boolean } {
  if (options.config === undefined) return { config: defaultConfig(), named: false };
  return { config: loadConfig(options.config), named: true };
}

function interpreterOptions(
  options: OfflineOptions,
  config: Config,
  named: boolean,
): InterpreterOptions {
  const { mta, zone, ...rest } = interpreterOptionsOf(config);
  if (options.zone !== undefined && !isZone(options.zone)) {
    throw new PosternError(
      'usage',
      `--zone ${options.zone}: expected a time zone such as Europe/Berlin or +01:00`,
    );
  }
  return {
    ...rest,
    mta: options.mta ?? (named ? mta : undefined),
    zone: options.zone ?? (named ? zone : undefined),
  };
}

/** `postern parse FILE...`: events as JSON, one a line. */
export async function runParse(
  files: readonly string[],
  options: OfflineOptions,
  io: Io,
): Promise<ExitStatus> {
  const { config, named } = configOf(options);
  const order = new LineOrder();
  const now = systemClock.now();
  for await (const batch of readEvents(files, {
    ...interpreterOptions(options, config, named),
    now,
  })) {
    const text = order.pass(batch.events).map((event) => jsonLine(eventToJson(event)));
    if (text.length > 0) io.stdout(text.join(''));
  }
  io.stdout(
    order
      .end()
      .map((event) => jsonLine(eventToJson(event)))
      .join(''),
  );
  return EXIT.done;
}

/** `postern classify [REPLY...]`: arguments, or one reply a line on standard input. */
export async function runClassify(replies: readonly string[], io: Io): Promise<ExitStatus> {
  for (const reply of replies) io.stdout(jsonLine(classified(reply)));
  if (replies.length > 0) return EXIT.done;
  for await (const lines of readLines('-')) {
    io.stdout(lines.map((line) => jsonLine(classified(textOf(line.bytes)))).join(''));
  }
  return EXIT.done;
}

function classified(reply: string): Record<string, unknown> {
  const { code, status } = parseReply(reply);
  return {
    reply,
    ...(code === undefined ? {} : { code }),
    ...(status === undefined ? {} : { status }),
    reason: classify({ reply }),
  };
}

/** `postern replay FILE...`: what the rules would have done with these logs. */
export async function runReplay(
  files: readonly string[],
  options: OfflineOptions & { readonly rules?: string },
  io: Io,
): Promise<ExitStatus> {
  const { config, named } = configOf(options);
  const allowed = isAllowed(allowListOf(config));
  const judge = new Judge(loadRules(options.rules ?? config.rules), { allowed });
  const now = systemClock.now();
  let verdicts: Verdict[] = [];
  const suspects: SuspectPeriod[] = [];
  let lines = 0;
  let events = 0;
  for await (const batch of readEvents(files, {
    ...interpreterOptions(options, config, named),
    now,
  })) {
    lines += batch.lines;
    for (const event of batch.events) {
      if (event.amends !== true) events++;
      verdicts.push(...judge.feed(event));
    }
    for (const change of judge.takeSuspicions()) {
      noteSuspicion(suspects, change);
      if (change.change === 'began') verdicts = without(verdicts, change.withdrawn);
    }
  }
  const nearest = judge.nearest().map((near) => ({ ...near, time: formatTime(near.time) }));
  if (options.format === 'json')
    io.stdout(
      jsonLine({
        lines,
        events,
        verdicts: verdicts.map(verdictJson),
        nearest,
        ...(suspects.length === 0 ? {} : { suspects: suspects.map(suspectJson) }),
      }),
    );
  else io.stdout(replayText(lines, events, verdicts, nearest, suspects));
  return EXIT.done;
}

function without(verdicts: readonly Verdict[], withdrawn: readonly Verdict[]): Verdict[] {
  return verdicts.filter((verdict) => !withdrawn.includes(verdict));
}

function verdictJson(verdict: Verdict): Record<string, unknown> {
  const { rule, action, key, time, source, line, count } = verdict;
  return { rule, action, key, time: formatTime(time), source, line, count };
}

interface Near {
  readonly rule: string;
  readonly key: Key;
  readonly highest: number;
  readonly limit: number;
  readonly time: string;
}

function replayText(
  lines: number,
  events: number,
  verdicts: readonly Verdict[],
  nearest: readonly Near[],
  suspects: readonly SuspectPeriod[],
): string {
  const blocks = verdicts.filter((verdict) => verdict.action === 'block');
  const observed = verdicts.length - blocks.length;
  const out = [
    `${lines} lines, ${events} events, ${blocks.length} blocks, ${observed} observations`,
    '',
  ];
  for (const verdict of verdicts) {
    const { rule, count, period, key, time, source, line } = verdict;
    const what = verdict.action === 'block' ? 'would block' : 'would note ';
    out.push(`${formatTime(time)} ${what} ${keyText(key)}`);
    out.push(`    ${rule}: ${count} in ${formatDuration(period)}, met at ${source}:${line}`);
  }
  if (verdicts.length === 0) out.push('Nobody met a limit.');
  if (suspects.length > 0) out.push('', 'Refusals that did not count:');
  for (const suspect of suspects) out.push(`    ${suspectText(suspect)}`);
  if (nearest.length > 0) out.push('', 'Closest without a verdict:');
  for (const { key, rule, highest, limit } of nearest.slice(0, 20)) {
    out.push(`    ${keyText(key)}: ${highest} of ${limit} (${rule})`);
  }
  return `${out.join('\n')}\n`;
}

/** A key as people read it. */
export function keyText(key: Key): string {
  const isIdentity = key.type === 'user' || key.type === 'client' || key.type === 'uid';
  return isIdentity
    ? formatIdentity({ type: key.type as SubmitterType, id: key.id })
    : `${key.type} ${key.id}`;
}
