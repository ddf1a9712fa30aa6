/** Smaller pages: the milter's answers, listings, the audit of the mail server, what people did here. */
import { type Html, html, output } from '../html.ts';
import { field, message, table, token } from '../layout.ts';
import { mayAct, type View } from '../view.ts';

/** A recipient as `postern recipients list --format json` prints it. */
interface RecipientJson {
  readonly address: string;
  readonly [name: string]: unknown;
}

/** What the milter knows of recipients. */
export async function milterPage(view: View): Promise<Html> {
  const { desk, query } = view;
  if (desk.config.milter?.recipients === undefined)
    return message('The configuration has no milter that verifies recipients.');
  const domain = query('domain');
  const words = domain === '' ? [] : [`--domain=${domain}`];
  const ran = await desk.run(['recipients', 'list', '--format', 'json', '--limit=200', ...words]);
  const form = html`<form class="row" method="get" action="/milter" role="search" aria-label="Filter recipients">
${field('domain', 'Domain', domain, 'example.net')}<button class="main">Show</button></form>`;
  if (ran.status !== 0) return html`${form}${message(output(ran.err), 'bad')}`;
  const answers = ran.out
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as RecipientJson);
  const may = mayAct(view);
  return html`${form}${table({
    label: 'Recipients that the milter knows',
    head: ['Address', 'Answer', ...(may ? ['Action'] : [])],
    rows: answers.map(({ address, ...rest }) => [
      address,
      Object.entries(rest)
        .map(([name, value]) => `${name}: ${String(value)}`)
        .join(', '),
      ...(may
        ? [
            html`<form method="post" action="/act/forget">${token(view.visitor)}<input type="hidden" name="address" value="${address}"><button aria-label="Forget ${address}">Forget</button></form>`,
          ]
        : []),
    ]),
    empty: 'No recipients are known.',
  })}`;
}

/** Our addresses on blocklists, as the service found them. The page itself asks nobody. */
export function listingsPage({ desk, time }: View): Html {
  const rows = desk.store.listings.between(0, Number.MAX_SAFE_INTEGER).toReversed().slice(0, 200);
  const asked =
    desk.config.listings === undefined &&
    message('No list is asked: the configuration has no section listings.');
  return html`${asked}${table({
    label: 'Listings',
    head: ['Address', 'List', 'Meaning', 'Costs', 'Since', 'Until'],
    rows: rows.map(({ address, list, meaning, cost, began, ended }) => [
      address,
      list,
      meaning,
      cost,
      time(began),
      ended === undefined ? html`<span class="bad-text">still listed</span>` : time(ended),
    ]),
    empty: 'None of your addresses was listed.',
  })}`;
}

export function auditPage(): Html {
  return html`<p>Reads the configuration of the mail server for holes that end on blocklists. It asks nothing of the network.</p>
<form method="get" action="/audit/run" hx-get="/audit/run" hx-target="#findings" hx-swap="innerHTML" aria-label="Audit"><button class="main">Look now</button></form>
<div id="findings" role="status"></div>`;
}

interface FindingJson {
  readonly id: string;
  readonly severity: string;
  readonly why: string;
  readonly fix: string;
  readonly evidence: { readonly file: string; readonly line: number | null; readonly text: string };
}

/** What `postern audit --offline` finds. Its exit status 1 means that it has found something. */
export async function auditPart({ desk }: View): Promise<Html> {
  const { out, err } = await desk.read(['audit', '--offline', '--format', 'json']);
  const said = err !== '' && message(output(err), 'bad');
  if (!out.startsWith('{')) return html`${said}`;
  const { findings } = JSON.parse(out) as { findings: readonly FindingJson[] };
  return html`${said}${table({
    label: 'Findings',
    head: ['Severity', 'Finding', 'Why', 'Where', 'Change'],
    rows: findings.map(({ id, severity, why, fix, evidence: { file, line, text } }) => [
      severity,
      id,
      why,
      `${file}${line === null ? '' : `:${line}`}: ${text}`,
      output(fix),
    ]),
    empty: 'No holes were found.',
  })}`;
}

/** Who did what on this page. */
export function actionsPage({ desk, time }: View): Html {
  return table({
    label: 'Actions',
    head: ['Time', 'Who', 'What', 'About', 'Outcome'],
    rows: desk.store.actions
      .newest(500)
      .map(({ time: when, who, what, about, block, done }) => [
        time(when),
        who,
        what,
        block === undefined ? about : html`<a href="/story?block=${block}">${about}</a>`,
        done ? 'done' : html`<span class="bad-text">failed</span>`,
      ]),
    empty: 'Nobody has done anything here.',
  });
}
