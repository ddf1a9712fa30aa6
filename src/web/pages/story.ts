/** The story of a submitter: from the first sign to the unblock, the evidence, and what can be done. */
import { quoteForShell } from '../../base/escape.ts';
import { counted } from '../../base/text.ts';
import { formatDuration } from '../../base/time.ts';
import { loadConfiguredRules } from '../../config/rules.ts';
import { loadInForce } from '../../daemon/in-force.ts';
import type { Block } from '../../model/block.ts';
import { formatIdentity, formatTarget, formatWord } from '../../model/identity.ts';
import { measureDay } from '../../report/against-limit.ts';
import { buildKeyQuery } from '../../report/events.ts';
import { nameRefuser } from '../../report/reputation.ts';
import type { MailBefore } from '../../report/story.ts';
import { listNextSteps } from '../../report/story-text.ts';
import { findSubject, type Subject, toSubject } from '../../report/subject.ts';
import { listOthers } from '../../report/timeline.ts';
import { type Chart, riseToChart } from '../chart.ts';
import type { Ran } from '../desk.ts';
import { type Html, html, output, type Part } from '../html.ts';
import { chart, message, select, table, token } from '../layout.ts';
import { mayAct, storyLink, type View } from '../view.ts';
import { describeState } from './blocks.ts';

/** What `postern explain --format json` prints of the evidence and the story. */
interface Explained {
  readonly description?: string;
  readonly outcomes?: { readonly invalid: number; readonly recipients: number };
  readonly clients?: readonly { address: string; name?: string; count: number }[];
  readonly senders?: readonly string[];
  readonly sample?: readonly { time: string; recipient: string; reason?: string; reply?: string }[];
  readonly lines?: readonly { source: string; line: number; text: string }[];
  readonly measures?: readonly string[];
  readonly story?: {
    readonly timeline: readonly { readonly time: string; readonly what: string }[];
    readonly before?: Omit<MailBefore, 'since' | 'until'> & { readonly since: string };
    readonly waiting: number;
  };
}

/** Whom a story is about. */
export interface Story extends Subject {
  readonly key: Block['key'];
}

/** The story that the address asks for: `id`, or the number of a `block`. Throws a PosternError for what is no identity. */
export function findStory(view: View): Story | undefined {
  const { store } = view.desk;
  const number = view.query('block');
  if (number === '') {
    const key = view.desk.readIdentity(view.query('id'));
    return { key, ...findSubject(store, [key]) };
  }
  const block = /^\d{1,15}$/.test(number) ? store.blocks.get(Number(number)) : undefined;
  return block && { key: block.key, ...toSubject(store, block) };
}

/** The login alone; anything else with its type. */
export function storyTitle({ key }: Story): string {
  return key.type === 'user' ? key.id : `${key.type} ${key.id}`;
}

/** What the rule of the story counted over a day, against its limit. `now` in ms. */
export function storyChart({ desk }: View, story: Story, now: number): Chart {
  const rule = loadConfiguredRules(desk.config).find(
    ({ name }) => name === story.stored?.verdict.rule,
  );
  return riseToChart(measureDay(desk.store, story, rule, now), rule?.name ?? 'refusals');
}

export async function storyPage(view: View, story: Story): Promise<Html> {
  const { key, block } = story;
  const ran = await view.desk.run([
    'explain',
    '--format',
    'json',
    '--',
    block === undefined ? formatWord(key) : String(block.id),
  ]);
  const explained = readExplained(ran);
  const path = new URLSearchParams(
    block === undefined ? { id: formatWord(key) } : { block: String(block.id) },
  );
  const byId = String(new URLSearchParams({ id: formatWord(key) }));
  return html`${standing(view, story, explained)}
${actionForms(view, story)}
<h2>What happened</h2>
${timeline(view, story, explained)}
<h2>Against the limit</h2>
${chart(`/story/chart?${path}`, describeChart(story))}
${whatWentOut(view, explained)}
<h2>In the queue</h2>
<div id="queue" hx-get="/story/queue?${byId}" hx-trigger="load" hx-swap="innerHTML"><p><a href="/story/queue?${byId}">Look into the queue</a></p></div>
${evidence(view, explained)}
${otherBlocks(view, story)}
${key.type !== 'sender' && html`<p><a href="/events?${String(new URLSearchParams({ of: formatWord(key) }))}">All its events</a></p>`}`;
}

function readExplained({ status, out }: Ran): Explained {
  return status === 0 ? (JSON.parse(out) as Explained) : {};
}

function standing(view: View, story: Story, { story: told }: Explained): Html {
  const { block, stored, key } = story;
  if (block === undefined)
    return message(
      stored === undefined ? describeUnknown(view, key) : `Not blocked: ${stored.outcome}.`,
    );
  const { store, config } = view.desk;
  const state = describeState(view, block, loadInForce(store, config));
  const isRunning = block.released === undefined;
  const note = block.note !== undefined && html` <span>“${block.note}”</span>`;
  const cures = listNextSteps(key, block, { waiting: told?.waiting ?? 0 }).filter(
    ({ command }) => command === undefined,
  );
  return html`${message(
    html`<strong>${isRunning ? 'Blocked' : 'Not blocked'}</strong>: block ${block.id}, ${block.cause}, since ${view.time(block.start)}, ${state}.${note}`,
    isRunning ? 'bad' : 'plain',
  )}${cures.map(({ why }) => html`<p>${why}</p>`)}`;
}

/** Somebody without a block and a verdict may be a name that nobody has. */
function describeUnknown({ desk: { store } }: View, key: Block['key']): string {
  const query = buildKeyQuery(key);
  const [event] = query === undefined ? [] : store.events.query({ ...query, limit: 1 });
  return event === undefined
    ? `Nothing is known of ${formatIdentity(key)}: no event is stored, no rule was met, and there is no block. Is the name spelled right?`
    : 'Never blocked, and no rule was met.';
}

function actionForms(view: View, story: Story): Html {
  const { key } = story;
  const block = view.desk.store.blocks.runningOver(key);
  if (!mayAct(view))
    return html`<p class="hint">You may look at everything and change nothing (role: view).</p>`;
  const word = quoteForShell(formatIdentity(key));
  const hidden = html`${token(view.visitor)}<input type="hidden" name="id" value="${formatWord(key)}">`;
  if (block === undefined)
    return html`<form class="row" method="post" action="/act/block" aria-label="Block">${hidden}
${select(
  'for',
  'How long',
  [
    ['until-released', 'until released'],
    ['1h', 'an hour'],
    ['1d', 'a day'],
    ['7d', 'a week'],
  ],
  undefined,
)}
<label>Note <input name="note" maxlength="500" autocomplete="off"></label>
<button class="danger">Block</button> <span class="hint">as: postern block ${word}</span></form>`;
  return html`<div class="actions">
<form class="row" method="post" action="/act/unblock" aria-label="Unblock">${hidden}<input type="hidden" name="block" value="${block.id}">
<button class="main">Unblock</button> <span class="hint">as: postern unblock ${quoteForShell(formatIdentity(block.key))}</span></form>
<form class="row" method="post" action="/act/note" aria-label="Note">${hidden}<input type="hidden" name="block" value="${block.id}">
<label>Note <input name="note" maxlength="500" value="${block.note ?? ''}" autocomplete="off"></label>
<button>Save the note</button></form>
</div>`;
}

function timeline(view: View, story: Story, { story: told, measures = [] }: Explained): Html {
  const steps = [
    ...(told?.timeline ?? []).map(({ time, what }) => ({ time: Date.parse(time), what })),
    ...listOthers(view.desk.store, story.key, story),
  ].sort((a, b) => a.time - b.time);
  const items = steps.map(
    ({ time, what }) => html`<li><span>${view.time(time)}</span> ${what}</li>`,
  );
  // How a block ended stands at the top.
  const isRunning = story.block !== undefined && story.block.released === undefined;
  const done = isRunning ? measures.map((text) => html`<li>${text}</li>`) : [];
  return html`${items.length === 0 ? html`<p class="empty">Nothing is stored.</p>` : html`<ol class="timeline">${items}</ol>`}
${done.length > 0 && html`<h2>What was done</h2><ul>${done}</ul>`}`;
}

/** What had gone out before the block, and to whom. */
function whatWentOut(view: View, { story: told }: Explained): Part {
  const { before } = told ?? {};
  if (before === undefined) return undefined;
  const { since, messages, delivered, deferred, refused, providers } = before;
  return html`<h2>What went out before</h2>
<p>Since ${view.time(Date.parse(since))}: ${counted(messages, 'message')}; recipients: ${delivered} accepted elsewhere, ${refused} refused, ${deferred} deferred.</p>
${table({
  label: 'Where it went',
  head: ['To', 'Accepted', 'Refused', 'Deferred'],
  rows: providers.map((one) => [
    nameRefuser(one.provider),
    one.delivered,
    one.refused,
    one.deferred,
  ]),
  empty: 'Nothing went to another server.',
})}`;
}

function describeChart({ stored }: Story): string {
  if (stored === undefined) return 'Refusals in any hour';
  const { rule, limit, period } = stored.verdict;
  return `What ${rule} counts, in any ${formatDuration(period)} up to that time; its limit is ${limit}`;
}

function evidence(view: View, explained: Explained): Html {
  const { description, outcomes, clients = [], senders = [], sample = [], lines = [] } = explained;
  return html`${description !== undefined && html`<h2>Why</h2><p>${description}</p>`}
${outcomes !== undefined && html`<p>${outcomes.invalid} of ${outcomes.recipients} recipients did not exist.</p>`}
<h2>From where</h2>
${table({ label: 'Clients', head: ['Address', 'Name', 'Events'], rows: clients.map(({ address, name, count }) => [storyLink({ type: 'client', id: address }), name, count]), empty: 'No client is known.' })}
${senders.length > 0 && html`<p>With the senders: ${senders.map((sender) => `<${sender}>`).join(', ')}</p>`}
<h2>To whom, and the replies</h2>
${table({ label: 'Recipients', head: ['Time', 'Recipient', 'Reason', 'Reply'], rows: sample.map(({ time, recipient, reason, reply }) => [view.time(Date.parse(time)), recipient, reason, reply]), empty: 'No refusal is stored.' })}
<h2>The log lines</h2>
${lines.length === 0 ? html`<p class="empty">No line is left in the logs.</p>` : output(lines.map(({ source, line, text }) => `${source}:${line}: ${text}\n`).join(''))}`;
}

function otherBlocks(view: View, { key, block }: Story): Part {
  const others = view.desk.store.blocks
    .findOver(key)
    .filter(({ id }) => id !== block?.id)
    .slice(0, 20);
  if (others.length === 0) return undefined;
  const forceOf = loadInForce(view.desk.store, view.desk.config);
  return html`<h2>Other blocks</h2>${table({
    label: 'Other blocks',
    head: ['No.', 'Who', 'Cause', 'Since', 'State'],
    rows: others.map((one) => [
      html`<a href="/story?block=${one.id}">${one.id}</a>`,
      formatTarget(one),
      one.cause,
      view.time(one.start),
      describeState(view, one, forceOf),
    ]),
    empty: '',
  })}`;
}
