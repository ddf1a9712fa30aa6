/** What operators name on the command line of `postern queue`: queue IDs, submitters, senders. */
import { PosternError } from '../base/errors.ts';
import type { QueuedMessage } from '../enforce/queue/message.ts';
import type { MailOwner, Selection } from '../enforce/queue/selection.ts';
import { formatTarget } from '../model/identity.ts';
import type { LoginOptions } from '../model/login.ts';
import { parseTypedBlockable, parseTypedIdentity } from './typed.ts';

/** One argument. It may be both, until the queue shows which. */
export interface Named {
  readonly text: string;
  readonly queueId?: string;
  readonly owner?: MailOwner;
}

/**
 * Reads one argument; `id:` in front says that it is a queue ID, `user:` that it is a login. Throws a PosternError
 * (exit status 2) for what is neither.
 */
export function parseNamed(
  text: string,
  isQueueId: (text: string) => boolean,
  logins: LoginOptions,
): Named {
  const explicit = /^id:(.*)$/is.exec(text)?.[1];
  if (explicit !== undefined) {
    if (isQueueId(explicit)) return { text, queueId: explicit };
    throw new PosternError('usage', `not a queue ID: ${JSON.stringify(explicit)}`);
  }
  const owner = parseOwner(text, logins, isQueueId(text));
  const queueId = isQueueId(text) ? { queueId: text } : {};
  return owner === undefined ? { text, ...queueId } : { text, ...queueId, owner };
}

/** Undefined only for what is a queue ID anyway. */
function parseOwner(text: string, logins: LoginOptions, isId: boolean): MailOwner | undefined {
  try {
    return parseSubmitterOrSender(text, logins);
  } catch (error) {
    if (isId && error instanceof PosternError) return undefined;
    throw error;
  }
}

/** `sender:ADDRESS at GATEWAY` is how a sender behind a gateway is printed (model/identity.ts). */
function parseSubmitterOrSender(text: string, logins: LoginOptions): MailOwner {
  const [, sender, gateway] = /^(sender:\S+) at (\S+)$/i.exec(text) ?? [];
  const { type, id } = parseTypedBlockable(sender ?? text, logins);
  if (type !== 'sender') return { type, id };
  const at = gateway === undefined ? undefined : parseTypedIdentity(gateway, logins);
  return { type, id, at };
}

/**
 * Arguments that are a queue ID and a login, and of which the queue has both, as one message for the operator; undefined
 * if each is clear.
 */
export function findAmbiguous(
  named: readonly Named[],
  messages: readonly QueuedMessage[],
  select: (owner: MailOwner) => Selection,
): string | undefined {
  const unclear = named.find(({ queueId, owner }) => {
    if (queueId === undefined || owner === undefined) return false;
    const selection = select(owner);
    const isOwned = messages.some((each) => each.queueId !== queueId && selection.has(each));
    return isOwned && messages.some((each) => each.queueId === queueId);
  });
  if (unclear === undefined) return undefined;
  const { text } = unclear;
  return `${text} is a queue ID and a login, and both have mail in the queue: write id:${text} or user:${text}`;
}

/** What was asked for, as part of a sentence: `of alice@example.net`, `with the queue ID 4ABCDEF012`. */
export function describeNamed({ queueId, owner }: Named): string {
  const parts = [
    ...(queueId === undefined ? [] : [`with the queue ID ${queueId}`]),
    ...(owner === undefined ? [] : [`of ${formatOwner(owner)}`]),
  ];
  return parts.join(', or ');
}

function formatOwner(owner: MailOwner): string {
  if (owner.type !== 'sender') return formatTarget({ key: owner });
  const { at } = owner;
  return formatTarget({ key: owner, ...(at === undefined ? {} : { at }) });
}
