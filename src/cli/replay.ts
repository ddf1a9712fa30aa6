/** `postern replay`: the rules over given files. Stores nothing, enforces nothing. */

import { dropUndefined } from '../base/defined.ts';
import { EXIT, type ExitStatus } from '../base/errors.ts';
import { counted } from '../base/text.ts';
import { formatDuration, formatTime, systemClock } from '../base/time.ts';
import { buildAllowList, isAllowed } from '../config/allow-list.ts';
import { SHIPPED_RULES } from '../config/resolve.ts';
import { readEvents } from '../interpret/files.ts';
import { Judge } from '../judge/judge.ts';
import { loadRules } from '../judge/rule.ts';
import type { Key, Verdict } from '../model/block.ts';
import { buildValueFormat, type ValueFormat } from '../model/evidence.ts';
import { formatIdentity } from '../model/identity.ts';
import { applyOutageChange, type Outage, withoutTakenBack } from '../model/outage.ts';
import { describeOutage, outageToJson } from '../report/outages.ts';
import { type Io, jsonLine } from './io.ts';
import { interpreterOptions, namedConfig, type OfflineOptions } from './offline-options.ts';

/** `postern replay FILE...`: what the rules would have done with these logs. */
export async function runReplay(
  files: readonly string[],
  options: OfflineOptions & { readonly rules?: string },
  io: Io,
): Promise<ExitStatus> {
  const config = await namedConfig(options);
  const reading = await interpreterOptions(options, config);
  // The defaults allow nobody beyond those who are never blocked anyway.
  const allowed = isAllowed(buildAllowList(config ?? { allow: {} }));
  const rules = loadRules(options.rules ?? config?.rules ?? SHIPPED_RULES);
  const judge = new Judge(rules, { allowed });
  let verdicts: Verdict[] = [];
  const outages: Outage[] = [];
  let lines = 0;
  let events = 0;
  for await (const batch of readEvents(files, { ...reading, now: systemClock.now() })) {
    lines += batch.lines;
    for (const event of batch.events) {
      if (event.amends !== true) events++;
      verdicts.push(...judge.feed(event));
    }
    const changes = judge.takeOutageChanges();
    for (const change of changes) applyOutageChange(outages, change);
    verdicts = withoutTakenBack(verdicts, changes);
  }
  const nearest = judge.nearest().map((near) => ({ ...near, time: formatTime(near.time) }));
  if (options.format === 'json')
    io.stdout(
      jsonLine(
        dropUndefined({
          lines,
          events,
          verdicts: verdicts.map(verdictJson),
          nearest,
          suspects: outages.length === 0 ? undefined : outages.map(outageToJson),
        }),
      ),
    );
  else
    io.stdout(
      replayText({ lines, events, verdicts, nearest, outages, measure: buildValueFormat(rules) }),
    );
  return EXIT.done;
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

interface Replay {
  readonly lines: number;
  readonly events: number;
  readonly verdicts: readonly Verdict[];
  readonly nearest: readonly Near[];
  readonly outages: readonly Outage[];
  readonly measure: ValueFormat;
}

function replayText({ lines, events, verdicts, nearest, outages, measure }: Replay): string {
  const blocks = verdicts.filter((verdict) => verdict.action === 'block');
  const observed = verdicts.length - blocks.length;
  const out = [
    [
      counted(lines, 'line'),
      counted(events, 'event'),
      counted(blocks.length, 'block'),
      counted(observed, 'observation'),
    ].join(', '),
    '',
  ];
  for (const verdict of verdicts) {
    const { rule, count, period, key, time, source, line } = verdict;
    const what = verdict.action === 'block' ? 'would block' : 'would note ';
    out.push(`${formatTime(time)} ${what} ${formatIdentity(key)}`);
    out.push(
      `    ${rule}: ${measure(count, rule)} in ${formatDuration(period)}, met at ${source}:${line}`,
    );
  }
  if (verdicts.length === 0) out.push('Nobody met a limit.');
  if (outages.length > 0) out.push('', 'Provider outages, whose refusals did not count:');
  for (const outage of outages) out.push(`    ${describeOutage(outage)}`);
  if (nearest.length > 0) out.push('', 'Closest without a verdict:');
  for (const { key, rule, highest, limit } of nearest.slice(0, 20)) {
    out.push(
      `    ${formatIdentity(key)}: ${measure(highest, rule)} of ${measure(limit, rule)} (${rule})`,
    );
  }
  return `${out.join('\n')}\n`;
}
