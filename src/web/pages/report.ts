/** The report of any period. `postern report` writes it; it is a page of its own, in a frame without any rights here. */
import { PosternError } from '../../base/errors.ts';
import { type Html, html, output } from '../html.ts';
import { field, message } from '../layout.ts';
import type { View } from '../view.ts';

/** How a period is named in the address, as by the options of the command. */
const NAMES = ['since', 'until', 'day', 'week', 'from', 'to'] as const;
/** Addresses of the usual ones. */
const USUAL = [
  ['since=24h', '24 hours'],
  ['day=today', 'today'],
  ['day=yesterday', 'yesterday'],
  ['week=this', 'this week'],
  ['week=last', 'last week'],
  ['since=30d', '30 days'],
] as const;

export function reportPage(view: View): Html {
  const { query } = view;
  const period = readPeriod(view);
  const isNamed = query('day') !== '' || query('week') !== '' || query('from') !== '';
  const form = html`<form class="row" method="get" action="/report" aria-label="Period">
${field('since', 'Since', isNamed ? '' : query('since') || '24h', '24h, 7d or 2026-11-01')}
${field('until', 'Until', query('until'), 'now')}
<button class="main">Show</button>
</form>
<p class="actions">${USUAL.map(([path, name]) => html`<a href="/report?${path}"${String(period) === path && html` aria-current="true"`}>${name}</a> `)}</p>`;
  try {
    view.desk.readPeriod(Object.fromEntries(period));
  } catch (error) {
    if (!(error instanceof PosternError)) throw error;
    return html`${form}${message(output(error.message), 'bad')}`;
  }
  const path = `/report/page?${period}`;
  return html`${form}<iframe src="${path}" title="Report" sandbox="allow-scripts"></iframe>
<p><a href="${path}">The report alone</a>, to print or to save</p>`;
}

/** What the address says of the period; without anything, 24 hours. */
function readPeriod({ query }: View): URLSearchParams {
  const named = NAMES.filter((name) => query(name) !== '');
  const period = new URLSearchParams(named.map((name): [string, string] => [name, query(name)]));
  return named.length === 0 ? new URLSearchParams({ since: '24h' }) : period;
}

/** The report itself; `failure` in its place when there is none. */
export async function reportItself(view: View): Promise<{ page: string } | { failure: string }> {
  const period = [...readPeriod(view)].map(([name, value]) => `--${name}=${value}`);
  const { status, out, err } = await view.desk.read(['report', '--format=html', ...period]);
  return status === 0 ? { page: out } : { failure: err };
}
