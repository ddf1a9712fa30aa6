/** Events that move from one page to another: their names stay numbers. */
import type { MailEvent, Submitter } from '../model/event.ts';
import type { NumberedNames, Page } from './page.ts';

/** An event under its number, with the numbers of its names, which the event itself does not have. */
export interface Numbered {
  readonly id: number;
  readonly event: MailEvent;
  readonly source: number;
  /** 0: none */
  readonly submitter: number;
}

/** Stands for a submitter: a page keeps its number, whether it is a client, and the login of the event. */
export function nameless(isClient: boolean, login?: string | undefined): Submitter {
  return { type: isClient ? 'client' : 'user', id: '', ...(login === undefined ? {} : { login }) };
}

const CLIENT = nameless(true);
const OTHER = nameless(false);

export function takeOver(page: Page, at: number): Numbered {
  const submitter = page.submitter(at);
  const who = submitter === 0 ? undefined : page.isByClient(at) ? CLIENT : OTHER;
  const names: NumberedNames = { path: () => '', who: () => who };
  const { source } = page.place(at);
  return { id: page.id(at), event: page.event(at, names), source, submitter };
}
