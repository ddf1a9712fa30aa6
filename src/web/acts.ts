/**
 * What the page changes: by the same commands that an operator types, each logged and stored with the name of who did it.
 * The account of the page has no rights at the mail server; what it may not do, the command says.
 */
import { PosternError } from '../base/errors.ts';
import { quoteForShell } from '../base/escape.ts';
import { counted } from '../base/text.ts';
import { systemClock } from '../base/time.ts';
import { formatIdentity, formatWord } from '../model/identity.ts';
import type { Action } from '../store/actions.ts';
import type { StoredBlock } from '../store/stored-block.ts';
import type { Desk, Ran } from './desk.ts';
import type { Visitor } from './gate.ts';

/** The fields of a form. */
export type Form = (name: string) => readonly string[];

/** What an action printed, and where the reader goes on. */
export interface Outcome {
  readonly done: boolean;
  readonly text: string;
  readonly next: string;
}

interface Deed {
  readonly desk: Desk;
  readonly visitor: Visitor;
  readonly form: Form;
}

type Act = (deed: Deed) => Promise<Outcome>;

/** By the last part of the path. Each throws a PosternError for a wrong field. */
export const ACTS: Readonly<Record<string, Act>> = { block, unblock, note, queue, forget };

const WORDS_OF_QUEUE: Readonly<Record<string, string>> = {
  release: '--release',
  hold: '--hold',
  delete: '--delete',
};

/** Messages that a command for the operator names; of more, whose they are. */
const MOST_NAMED = 20;

async function block(deed: Deed): Promise<Outcome> {
  const { desk, form } = deed;
  const key = desk.readIdentity(one(form, 'id'));
  const note = one(form, 'note').slice(0, 500);
  const words = [
    `--for=${one(form, 'for') || 'until-released'}`,
    ...(note === '' ? [] : [`--note=${note}`]),
  ];
  const ran = await desk.run(['block', ...words, '--', formatWord(key)], deed.visitor.name);
  // Of IPv6 the whole network may be blocked.
  const begun = desk.store.blocks.runningOver(key);
  return conclude(deed, { ran, what: 'block', about: formatWord(begun?.key ?? key), block: begun });
}

async function unblock(deed: Deed): Promise<Outcome> {
  const { desk } = deed;
  const found = findBlock(deed);
  const about = formatWord(found.key);
  if (found.released !== undefined)
    return { done: false, text: describeEnd(desk, found), next: storyOf(found) };
  const ran = await desk.run(['unblock', '--', about], deed.visitor.name);
  // The command also fails when the block has ended and something else still blocks.
  const done = desk.store.blocks.get(found.id)?.released !== undefined;
  return conclude(deed, { ran, what: 'unblock', about, block: found, done });
}

/** Another tab, another person or the clock was first. */
function describeEnd({ store }: Desk, { id, releasedBy }: StoredBlock): string {
  const last = store.actions.ofBlock(id).findLast(({ what, done }) => what === 'unblock' && done);
  const who = last === undefined ? (releasedBy ?? 'operator') : last.who;
  return `Block ${id} has ended already (${who}). Nothing was changed.`;
}

async function note(deed: Deed): Promise<Outcome> {
  const { desk, form } = deed;
  const found = findBlock(deed);
  const text = one(form, 'note').slice(0, 500);
  desk.store.commit(() => desk.store.blocks.setNote(found.id, text));
  const ran = { status: 0, out: 'The note is saved.\n', err: '', deeds: [] } as const;
  return conclude(deed, {
    ran,
    what: 'change the note',
    about: formatWord(found.key),
    block: found,
  });
}

async function queue(deed: Deed): Promise<Outcome> {
  const { desk, form } = deed;
  const key = desk.readIdentity(one(form, 'id'));
  const about = formatWord(key);
  const action = one(form, 'do');
  const option = WORDS_OF_QUEUE[action];
  const messages = form('message');
  const next = `/story?id=${encodeURIComponent(about)}`;
  if (option === undefined) throw new PosternError('usage', 'expected release, hold or delete');
  if (messages.length === 0) return { done: false, text: 'No message was chosen.', next };
  const isSure = one(form, 'sure') === 'yes';
  if (action === 'delete' && !isSure)
    return { done: false, text: 'Nothing was deleted: tick “delete for good” as well.', next };
  const ids = messages.map((id) => `id:${id}`);
  const yes = action === 'delete' ? ['--yes'] : [];
  const ran = await desk.run(['queue', option, ...yes, '--', ...ids]);
  const denied = /superuser|permission|EACCES|EPERM|reserved/i.test(ran.err);
  const named = messages.length > MOST_NAMED ? quoteForShell(formatIdentity(key)) : ids.join(' ');
  const help = denied
    ? `The account of this page may not change the queue. As root, on the server: postern queue ${option} ${named}\n`
    : '';
  // Some of it may have left the queue since it was listed.
  const { what, done } = ran.deeds[0] ?? {
    what: `${action} ${counted(messages.length, 'queued message')}`,
    done: false,
  };
  const [newest] = desk.store.blocks.findOver(key);
  const conclusion = { ran: { ...ran, err: ran.err + help }, what, about, block: newest, done };
  return { ...conclude(deed, conclusion), next };
}

async function forget(deed: Deed): Promise<Outcome> {
  const { desk, form } = deed;
  const address = one(form, 'address');
  const ran = await desk.run(['recipients', 'forget', '--', address]);
  return {
    ...conclude(deed, { ran, what: 'forget a recipient', about: address }),
    next: '/milter',
  };
}

function findBlock({ desk, form }: Deed): StoredBlock {
  const number = one(form, 'block');
  const found = /^\d{1,15}$/.test(number) ? desk.store.blocks.get(Number(number)) : undefined;
  if (found === undefined) throw new PosternError('usage', 'there is no such block');
  return found;
}

interface Conclusion {
  readonly ran: Ran;
  readonly what: string;
  readonly about: string;
  readonly block?: StoredBlock | undefined;
  /** default: whether the command says so */
  readonly done?: boolean;
}

/** Logs and stores it. */
function conclude({ desk, visitor }: Deed, conclusion: Conclusion): Outcome {
  const { ran, what, about, block: found, done = ran.status === 0 } = conclusion;
  const { store, log } = desk;
  log.info({ who: visitor.name, what, about, done }, 'action on the web page');
  const of = found === undefined ? {} : { block: found.id };
  const action = { time: systemClock.now(), who: visitor.name, what, about, done, ...of };
  if (!isNoted(store, action)) store.commit(() => store.actions.add(action));
  const next = found === undefined ? `/story?id=${encodeURIComponent(about)}` : storyOf(found);
  return { done, text: `${ran.out}${ran.err}`, next };
}

/** `postern block` and `postern unblock` do it in the transaction of the change, so that other servers hear of it, too. */
function isNoted({ actions }: Desk['store'], { who, what, block, done }: Action): boolean {
  if (block === undefined || !done || (what !== 'block' && what !== 'unblock')) return false;
  return actions.ofBlock(block).some((one) => one.what === what && one.who === who && one.done);
}

function storyOf({ id }: StoredBlock): string {
  return `/story?block=${id}`;
}

function one(form: Form, name: string): string {
  return (form(name)[0] ?? '').trim();
}
