/** The story of a submitter: from the first sign to the unblock, the evidence, and what can be done. */
import { quoteForShell } from '../../base/escape.ts';
import { formatDuration } from '../../base/time.ts';
import { loadInForce } from '../../daemon/in-force.ts';
import { formatIdentity, formatTarget, formatWord } from '../../model/identity.ts';
import { describeRelease } from '../../report/block.ts';
import type { StoredBlock } from '../../store/blocks.ts';
import type { Ran } from '../desk.ts';
import { type Html, html, output, type Part } from '../html.ts';
import { chart, message, select, table, token } from '../layout.ts';
import { gatherStory, type Story } from '../story.ts';
import { mayAct, storyLink, type View } from '../view.ts';
import { describeState } from './blocks.ts';

/** What `postern explain --format json` prints of the evidence. */
interface Explained {
  readonly first?: string;
  readonly last?: string;
  readonly description?: string;
  readonly events?: number;
  readonly recipients?: number;
  readonly addresses?: number;
  readonly outcomes?: { readonly invalid: number; readonly recipients: number };
  readonly clients?: readonly { address: string; name?: string; count: number }[];
  readonly senders?: readonly string[];
  readonly sample?: readonly { time: string; recipient: string; reason?: string; reply?: string }[];
  readonly lines?: readonly { source: string; line: number; text: string }[];
  readonly measures?: readonly string[];
}

/** The story that the address asks for: `id`, or the number of a `block`. Throws a PosternError for what is no identity. */
export function findStory(view: View): Story | undefined {
  const { store } = view.desk;
  const number = view.query('block');
  if (number === '') return gatherStory(store, view.desk.readIdentity(view.query('id')));
  const block = /^\d{1,15}$/.test(number) ? store.blocks.get(Number(number)) : undefined;
  return block && gatherStory(store, block.key, block);
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
  return html`${standing(view, story)}
${actionForms(view, story)}
<h2>What happened</h2>
${timeline(view, story, explained)}
<h2>Against the limit</h2>
${chart(`/story/chart?${path}`, describeChart(story))}
${evidence(view, explained)}
<h2>In the queue</h2>
<div id="queue" hx-get="/story/queue?${byId}" hx-trigger="load" hx-swap="innerHTML"><p><a href="/story/queue?${byId}">Look into the queue</a></p></div>
${otherBlocks(view, story)}
${key.type !== 'sender' && html`<p><a href="/events?${String(new URLSearchParams({ of: formatWord(key) }))}">All its events</a></p>`}`;
}

function readExplained({ status, out }: Ran): Explained {
  return status === 0 ? (JSON.parse(out) as Explained) : {};
}

function standing(view: View, { block, verdict }: Story): Html {
  if (block === undefined)
    return message(
      verdict === undefined
        ? 'Never blocked, and no rule was met.'
        : `Not blocked: ${verdict.outcome}.`,
    );
  const { store, config } = view.desk;
  const state = describeState(view, block, loadInForce(store, config));
  const isRunning = block.released === undefined;
  const note = block.note !== undefined && html` <span>“${block.note}”</span>`;
  return message(
    html`<strong>${isRunning ? 'Blocked' : 'Not blocked'}</strong>: block ${block.id}, ${block.cause}, since ${view.time(block.start)}, ${state}.${note}`,
    isRunning ? 'bad' : 'plain',
  );
}

function actionForms(view: View, story: Story): Html {
  const { key, block } = story;
  if (!mayAct(view))
    return html`<p class="hint">You may look at everything and change nothing (role: view).</p>`;
  const word = quoteForShell(formatIdentity(key));
  const hidden = html`${token(view.visitor)}<input type="hidden" name="id" value="${formatWord(key)}">`;
  if (block === undefined || block.released !== undefined)
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

/** Ms, and what happened then. */
type Moment = readonly [number, Part];

function timeline(view: View, story: Story, explained: Explained): Html {
  const moments = [
    ...evidenceMoments(story, explained),
    ...story.blocks.slice(0, 10).flatMap(blockMoments),
    ...actionMoments(story),
  ];
  moments.sort(([a], [b]) => a - b);
  const items = moments.map(
    ([time, what]) => html`<li><span>${view.time(time)}</span> ${what}</li>`,
  );
  const measures = (explained.measures ?? []).map((text) => html`<li>${text}</li>`);
  return html`${items.length === 0 ? html`<p class="empty">Nothing is stored.</p>` : html`<ol class="timeline">${items}</ol>`}
${measures.length > 0 && html`<h2>What was done</h2><ul>${measures}</ul>`}`;
}

function evidenceMoments({ verdicts, verdict }: Story, { first }: Explained): Moment[] {
  const start: Moment[] =
    first === undefined
      ? []
      : [[Date.parse(first), 'The first sign: the first event that counted.']];
  const shown =
    verdicts.some(({ id }) => id === verdict?.id) || verdict === undefined
      ? verdicts
      : [verdict, ...verdicts];
  const met = shown.map(({ verdict: one, outcome }): Moment => {
    const { rule, count, limit, period, time } = one;
    return [
      time,
      html`Met a limit of <strong>${rule}</strong>: ${count} in ${formatDuration(period)}, limit ${limit}; ${outcome}.`,
    ];
  });
  return [...start, ...met];
}

function blockMoments(block: StoredBlock): Moment[] {
  const { id, cause, start, released } = block;
  const begun: Moment = [start, html`<strong>Blocked</strong> (block ${id}, ${cause}).`];
  return released === undefined
    ? [begun]
    : [begun, [released, html`Block ${id} ended: ${describeRelease(block)}.`]];
}

function actionMoments({ actions }: Story): Moment[] {
  return actions.map(
    ({ time, who, what, done }): Moment => [
      time,
      html`<strong>${who}</strong>${done ? '' : ' tried, without success'}: ${what}.`,
    ],
  );
}

function describeChart({ verdict }: Story): string {
  if (verdict === undefined) return 'Refusals in any hour';
  const { rule, limit, period } = verdict.verdict;
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

function otherBlocks(view: View, { blocks, block }: Story): Part {
  const others = blocks.filter(({ id }) => id !== block?.id).slice(0, 20);
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

/** A message as `postern queue --format json` prints it. */
interface Queued {
  readonly queueId: string;
  readonly state: string;
  readonly time: string;
  readonly sender: string;
  readonly held: boolean;
  readonly recipients: readonly { readonly address: string }[];
}

/** What waits in the queue, and what can be done with it. */
export async function queuePart(view: View): Promise<Html> {
  const key = view.desk.readIdentity(view.query('id'));
  const ran = await view.desk.run(['queue', '--format', 'json', '--', formatWord(key)]);
  const trouble = ran.err !== '' && message(output(ran.err), 'bad');
  const list = /^\{/.test(ran.out)
    ? (JSON.parse(ran.out) as { messages: readonly Queued[] }).messages
    : [];
  const hint = html`<p class="hint">On the server: postern queue ${quoteForShell(formatIdentity(key))}</p>`;
  if (list.length === 0)
    return html`${trouble}${trouble === false && html`<p class="empty">Nothing waits in the queue.</p>`}${hint}`;
  const may = mayAct(view);
  const shown = table({
    label: 'Queued messages',
    head: [...(may ? ['Chosen'] : []), 'Queue ID', 'State', 'Since', 'Sender', 'Recipients'],
    rows: list.slice(0, 200).map((one) => [
      ...(may
        ? [
            html`<input type="checkbox" name="message" value="${one.queueId}" aria-label="Choose ${one.queueId}" checked>`,
          ]
        : []),
      one.queueId,
      one.held ? 'held' : one.state,
      view.time(Date.parse(one.time)),
      `<${one.sender}>`,
      one.recipients
        .slice(0, 5)
        .map(({ address }) => address)
        .join(', '),
    ]),
    empty: '',
  });
  if (!may) return html`${trouble}${shown}${hint}`;
  return html`${trouble}<form method="post" action="/act/queue" aria-label="Queued messages">${token(view.visitor)}<input type="hidden" name="id" value="${formatWord(key)}">
${shown}
<div class="actions"><button name="do" value="release">Release</button><button name="do" value="hold">Hold</button>
<button class="danger" name="do" value="delete">Delete</button><label class="check"><input type="checkbox" name="sure" value="yes"> delete for good, nobody can undo it</label></div>
</form>${hint}`;
}
