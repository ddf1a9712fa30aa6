/** The report of any period. `postern report` writes it; it is a page of its own, in a frame without any rights here. */
import { PosternError } from '../../base/errors.ts';
import { type Html, html, output } from '../html.ts';
import { field, message } from '../layout.ts';
import type { View } from '../view.ts';

export function reportPage({ query, desk }: View): Html {
  const [since, until] = [query('since') || '24h', query('until')];
  const form = html`<form class="row" method="get" action="/report" aria-label="Period">
${field('since', 'Since', since, '24h, 7d or 2026-11-01')}
${field('until', 'Until', until, 'now')}
<button class="main">Show</button>
</form>
<p class="actions"><a href="/report?since=24h">a day</a> <a href="/report?since=7d">a week</a> <a href="/report?since=30d">30 days</a></p>`;
  try {
    desk.readTime('since', since);
    if (until !== '') desk.readTime('until', until);
  } catch (error) {
    if (!(error instanceof PosternError)) throw error;
    return html`${form}${message(output(error.message), 'bad')}`;
  }
  const path = `/report/page?${new URLSearchParams({ since, until })}`;
  return html`${form}<iframe src="${path}" title="Report" sandbox="allow-scripts"></iframe>
<p><a href="${path}">The report alone</a>, to print or to save</p>`;
}

/** The report itself; `failure` in its place when there is none. */
export async function reportItself({
  desk,
  query,
}: View): Promise<{ page: string } | { failure: string }> {
  const until = query('until') === '' ? [] : [`--until=${query('until')}`];
  const words = ['report', '--format', 'html', `--since=${query('since') || '24h'}`, ...until];
  const { status, out, err } = await desk.run(words);
  return status === 0 ? { page: out } : { failure: err };
}
