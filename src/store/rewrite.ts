/** Events with other texts in place of addresses: for people who are forgotten, and for pseudonyms. */
import type { DsnCause, MailEvent } from '../model/event.ts';

type Change = (text: string) => string;

const TEXTS = ['sender', 'recipient', 'originalRecipient', 'reply'] as const;
const OF_CAUSE = ['recipient', 'originalRecipient', 'reply'] as const;

/**
 * The event with each text that names an address changed; undefined if all of them stay as they are. `changeReply` is for
 * what servers have said.
 */
export function rewriteTexts(
  event: MailEvent,
  change: Change,
  changeReply: Change = change,
): MailEvent | undefined {
  const changes = { change, changeReply };
  const texts = changeAll(event, TEXTS, changes);
  const cause = event.cause && changeAll(event.cause, OF_CAUSE, changes);
  const login = event.submitter?.login;
  const other = login === undefined ? undefined : change(login);
  if (texts === undefined && cause === undefined && other === login) return undefined;
  return {
    ...event,
    ...texts,
    ...(cause && { cause: { ...(event.cause as DsnCause), ...cause } }),
    ...(other !== login &&
      event.submitter && { submitter: { ...event.submitter, login: other as string } }),
  };
}

function changeAll<Name extends string>(
  object: { readonly [name in Name]?: string | undefined },
  names: readonly Name[],
  { change, changeReply }: { readonly change: Change; readonly changeReply: Change },
): { [name in Name]?: string } | undefined {
  const changed: { [name in Name]?: string } = {};
  for (const name of names) {
    const text = object[name];
    const rewrite = name === 'reply' ? changeReply : change;
    const other = text === undefined ? undefined : rewrite(text);
    if (other !== undefined && other !== text) changed[name] = other;
  }
  return Object.keys(changed).length === 0 ? undefined : changed;
}
