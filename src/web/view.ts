/** What a page is made from: the desk, who looks at it, and what the address asks for. */
import { formatLocalMinute, formatTime } from '../base/time.ts';
import type { Key } from '../model/block.ts';
import { formatIdentity, formatWord } from '../model/identity.ts';
import type { Desk } from './desk.ts';
import type { Visitor } from './gate.ts';
import { type Html, html } from './html.ts';

export interface View {
  readonly desk: Desk;
  readonly visitor: Visitor;
  /** a parameter of the address, without white space around it; `''` if it is missing */
  query(name: string): string;
  /** the names of all parameters of the address */
  readonly names: readonly string[];
  /** to the minute, in the configured zone */
  time(ms: number): Html;
}

export function buildView(desk: Desk, visitor: Visitor, url: URL): View {
  const { zone } = desk.config;
  return {
    desk,
    visitor,
    query: (name) => (url.searchParams.get(name) ?? '').trim(),
    names: [...new Set(url.searchParams.keys())],
    time: (ms) =>
      html`<time datetime="${formatTime(ms)}" title="${formatTime(ms)}">${formatLocalMinute(ms, zone)}</time>`,
  };
}

/** Whether this visitor may change something. */
export function mayAct({ visitor }: View): boolean {
  return visitor.role === 'act';
}

/** Where the story of an identity is told; undefined for what is no submitter: a network of senders, a domain. */
function storyPath({ type, id }: Key): string | undefined {
  if (type === 'client-net') return `/story?id=${encodeURIComponent(id)}`;
  if (type !== 'user' && type !== 'client' && type !== 'uid' && type !== 'sender') return undefined;
  return `/story?id=${encodeURIComponent(formatWord({ type, id }))}`;
}

/** The identity as a link to its story. */
export function storyLink(key: Key, text = formatIdentity(key)): Html {
  const path = storyPath(key);
  return path === undefined ? html`${text}` : html`<a href="${path}">${text}</a>`;
}
