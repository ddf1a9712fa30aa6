/** Events with other texts in place of addresses: for people who are forgotten, and for pseudonyms. */
import type { DsnCause, MailEvent } from '../model/event.ts';

type Change = (text: string) => string;

const TEXTS = ['sender', 'recipient', 'originalRecipient', 'reply'] as const;
const OF_CAUSE = ['recipient', 'originalRecipient', 'reply'] as const;

/** The event with each text that names an address changed; undefined if `change` leaves all of them as they are. */
export function rewriteTexts(event: MailEvent, change: Change): MailEvent | undefined {
  const texts = changeAll(event, TEXTS, change);
  const cause = event.cause && changeAll(event.cause, OF_CAUSE, change);
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
  change: Change,
): { [name in Name]?: string } | undefined {
  const changed: { [name in Name]?: string } = {};
  for (const name of names) {
    const text = object[name];
    const other = text === undefined ? undefined : change(text);
    if (other !== undefined && other !== text) changed[name] = other;
  }
  return Object.keys(changed).length === 0 ? undefined : changed;
}
