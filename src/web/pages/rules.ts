/** The rules, who came near their limits, and what another limit would have done. */

import { counted } from '../../base/text.ts';
import { formatDuration, systemClock } from '../../base/time.ts';
import { buildAllowList, isAllowed } from '../../config/allow-list.ts';
import { loadConfiguredRules } from '../../config/rules.ts';
import type { Rule } from '../../judge/rule.ts';
import type { Key } from '../../model/block.ts';
import { buildValueFormat } from '../../model/evidence.ts';
import { buildTuningTables } from '../../report/replay.ts';
import { tuneStored } from '../../report/stored-tuning.ts';
import type { Table } from '../../report/table.ts';
import { type Met, Tuning } from '../../report/tuning.ts';
import { type Html, html, output } from '../html.ts';
import { field, message, select, table } from '../layout.ts';
import { storyLink, type View } from '../view.ts';

export function rulesPage(view: View): Html {
  const rules = loadConfiguredRules(view.desk.config);
  return html`${table({
    label: 'Rules',
    head: ['Rule', 'Counts', 'Per', 'Limit', 'Action', 'What it finds'],
    rows: rules.map((rule) => [
      rule.name,
      rule.count,
      rule.per,
      describeLimits(rule),
      rule.enabled ? rule.action : 'off',
      rule.description,
    ]),
    empty: 'There are no rules.',
  })}
<h2>Near misses of the last day</h2>
<div id="near" hx-get="/rules/near" hx-trigger="load" hx-swap="innerHTML"><p><a href="/rules/near">Judge the stored events</a></p></div>
<h2>Half and double</h2>
<p>Who would have met each limit over the stored events, with half of it, as it is, and with double.</p>
<form class="row" method="get" action="/rules/tuning" hx-get="/rules/tuning" hx-target="#tuning" hx-swap="innerHTML" aria-label="Half and double">
${field('since', 'Since', '7d')}
<button class="main">Compare</button></form>
<div id="tuning" role="status"></div>
<h2>Try another limit</h2>
<p>Over the stored events; nothing is changed. In the rule file, the limit is <code>limit:</code>.</p>
<form class="row" method="get" action="/rules/try" hx-get="/rules/try" hx-target="#trial" hx-swap="innerHTML" aria-label="Try another limit">
${select(
  'rule',
  'Rule',
  rules.map(({ name }): [string, string] => [name, name]),
  undefined,
)}
${field('limit', 'Limit', '', 'such as 50')}
${field('since', 'Since', '7d')}
<button class="main">Try it</button></form>
<div id="trial" role="status"></div>`;
}

function describeLimits({ limits, ratio }: Rule): string {
  return limits
    .map(({ limit, period }) => `${limit}${ratio ? ' %' : ''} in ${formatDuration(period)}`)
    .join(', ');
}

interface NearJson {
  readonly rule: string;
  readonly key: Key;
  readonly highest: number;
  readonly limit: number;
  readonly time: string;
}

/** Who came near, as the report finds it. */
export async function nearPart({ desk, time }: View): Promise<Html> {
  const { status, out, err } = await desk.read(['report', '--format', 'json', '--since=24h']);
  if (status !== 0) return message(output(err), 'bad');
  const { near } = JSON.parse(out) as { near: readonly NearJson[] };
  return table({
    label: 'Near misses',
    head: ['Who', 'Rule', 'Highest', 'Limit', 'When'],
    rows: near.map(({ rule, key, highest, limit, time: when }) => [
      storyLink(key),
      rule,
      highest,
      limit,
      time(Date.parse(when)),
    ]),
    empty: 'Nobody came near a limit.',
  });
}

/** What a rule would have done with the limit that was asked for, and with its own. */
export async function tryPart(view: View): Promise<Html> {
  const { desk, query } = view;
  const rule = loadConfiguredRules(desk.config).find(({ name }) => name === query('rule'));
  const limit = Number(query('limit'));
  if (rule === undefined) return message(`There is no rule ${query('rule')}.`, 'bad');
  if (!/^[1-9]\d{0,8}$/.test(query('limit')))
    return message(
      `Limit: expected a whole number above 0, found ${query('limit') || 'nothing'}.`,
      'bad',
    );
  const own = rule.limits[0]?.limit ?? limit;
  const limits = [...new Set([limit, own])];
  const factors = limits.map((each) => each / own);
  const tuning = new Tuning([{ ...rule, enabled: true }], allowed(view), factors);
  await tuneStored(tuning, desk.store.path, readPeriod(view));
  const trials = tuning.met(rule.name);
  return html`${limits.map((each, at) => trialPart(view, each, trials[at] ?? [], each === own ? 'its limit now' : 'tried'))}`;
}

function trialPart({ time }: View, limit: number, met: readonly Met[], what: string): Html {
  return html`<h2>Limit ${limit} (${what}): ${counted(met.length, 'key')} would have met it</h2>
${table({
  label: `With the limit ${limit}`,
  head: ['Who', 'When', 'Counted'],
  rows: met.slice(0, 100).map(({ key, time: when, count }) => [storyLink(key), time(when), count]),
  empty: 'Nobody.',
})}`;
}

/** All rules with half their limits, as they are, and double: what `postern replay --tuning` prints of log files. */
export async function tuningPart(view: View): Promise<Html> {
  const { desk } = view;
  const rules = loadConfiguredRules(desk.config);
  const tuning = new Tuning(rules, allowed(view));
  await tuneStored(tuning, desk.store.path, readPeriod(view));
  return html`${buildTuningTables(tuning.result, buildValueFormat(rules)).map(reportTable)}`;
}

function reportTable({ title, head, rows, empty }: Table): Html {
  return html`<h2>${title}</h2>${table({ label: title, head, rows, empty })}`;
}

function allowed({ desk }: View): (key: Key) => boolean {
  return isAllowed(buildAllowList(desk.config));
}

/** Throws a PosternError (exit status 2). */
function readPeriod({ desk, query }: View): { since: number; until: number } {
  return { since: desk.readTime('since', query('since') || '7d'), until: systemClock.now() };
}
