/** What waits in the queue of the mail server, and what can be done with it. */
import { quoteForShell } from '../../base/escape.ts';
import { formatIdentity, formatWord } from '../../model/identity.ts';
import { type Html, html, output } from '../html.ts';
import { message, table, token } from '../layout.ts';
import { mayAct, type View } from '../view.ts';

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
