/** The rules, who came near their limits, and what another limit would have done. */

import { counted } from '../../base/text.ts';
import { formatDuration, systemClock } from '../../base/time.ts';
import { loadRules, type Rule } from '../../judge/rule.ts';
import type { Key } from '../../model/block.ts';
import { type Html, html, output } from '../html.ts';
import { field, message, select, table } from '../layout.ts';
import { type Trial, tryLimits } from '../try-out.ts';
import { storyLink, type View } from '../view.ts';

export function rulesPage(view: View): Html {
  const rules = loadRules(view.desk.config.rules);
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
  const { status, out, err } = await desk.run(['report', '--format', 'json', '--since=24h']);
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

/** What the rule would have done with half, with the limit that was asked for, and with its own. */
export async function tryPart(view: View): Promise<Html> {
  const { desk, query } = view;
  const rule = loadRules(desk.config.rules).find(({ name }) => name === query('rule'));
  const limit = Number(query('limit'));
  if (rule === undefined) return message(`There is no rule ${query('rule')}.`, 'bad');
  if (!/^[1-9]\d{0,8}$/.test(query('limit')))
    return message(
      `Limit: expected a whole number above 0, found ${query('limit') || 'nothing'}.`,
      'bad',
    );
  const own = rule.limits[0]?.limit ?? limit;
  const period = {
    since: desk.readTime('since', query('since') || '7d'),
    until: systemClock.now(),
  };
  const limits = [...new Set([limit, own])];
  const trials = await tryLimits(desk.store.path, rule, limits, period);
  return html`${trials.map((trial) => trialPart(view, trial, trial.limit === own ? 'its limit now' : 'tried'))}`;
}

function trialPart({ time }: View, { limit, verdicts }: Trial, what: string): Html {
  return html`<h2>Limit ${limit} (${what}): ${counted(verdicts.length, 'key')} would have met it</h2>
${table({
  label: `With the limit ${limit}`,
  head: ['Who', 'When', 'Counted'],
  rows: verdicts
    .slice(0, 100)
    .map(({ key, time: when, count }) => [storyLink(key), time(when), count]),
  empty: 'Nobody.',
})}`;
}
