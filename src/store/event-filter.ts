/** Tests for the events of a page, the cheapest first: most events fail the first one. */
import { lowerAscii } from '../base/text.ts';
import { isWithin } from '../model/address.ts';
import { type EventQuery, isBelow, isInDomain } from '../model/event-query.ts';
import { markClient } from './client-mark.ts';
import { formatClient } from './client-value.ts';
import { KINDS, REASON_CODES } from './codes.ts';
import type { Page, TextPart } from './page.ts';

export type { EventQuery } from '../model/event-query.ts';

export type Filter = (page: Page, at: number) => boolean;

/** `submitters`: the numbers of the submitter that the query names. */
export function buildFilter(query: EventQuery, submitters: readonly number[] | undefined): Filter {
  const { since, until, after, clientAddress, kinds, reasons } = query;
  const tests: Filter[] = [];
  if (submitters !== undefined) {
    // Few of the events on the pages of a submitter are its own.
    const numbers = new Set(submitters);
    tests.push((page, at) => numbers.has(page.submitter(at)));
  }
  if (after !== undefined) tests.push((page, at) => page.id(at) > after);
  if (since !== undefined) tests.push((page, at) => page.time(at) >= since);
  if (until !== undefined) tests.push((page, at) => page.time(at) < until);
  if (kinds !== undefined) {
    const codes = new Set(kinds.map((kind) => KINDS.numberOf[kind]));
    tests.push((page, at) => codes.has(page.kind(at)));
  }
  if (reasons !== undefined) {
    const codes = new Set(reasons.map((reason) => REASON_CODES.numberOf[reason]));
    tests.push((page, at) => codes.has(page.reason(at)));
  }
  if (clientAddress !== undefined) tests.push(hasClient(clientAddress));
  if (query.clientNetwork !== undefined) tests.push(hasClientIn(query.clientNetwork));
  tests.push(...listTextTests(query));
  return (page, at) => tests.every((test) => test(page, at));
}

function hasClient(address: string): Filter {
  const mark = markClient(address);
  return (page, at) => {
    if (page.clientMark(at) !== mark) return false;
    const client = page.client(at);
    return client !== undefined && formatClient(client) === address;
  };
}

function hasClientIn(network: string): Filter {
  return (page, at) => {
    const client = page.client(at);
    return client !== undefined && isWithin(formatClient(client), network);
  };
}

function listTextTests({
  queueId,
  messageId,
  sender,
  recipient,
  domain,
  host,
}: EventQuery): Filter[] {
  return [
    ...hasText('queueId', queueId),
    ...hasText('messageId', messageId),
    ...hasText('sender', sender, lowerAscii),
    ...hasText('recipient', recipient, lowerAscii),
    ...hasSome(domain, isInDomain, ['sender', 'recipient']),
    ...hasSome(host, isBelow, ['host', 'relayHost']),
  ];
}

/** As SQLite compares texts, with NOCASE when `fold` is given. */
function hasText(
  part: TextPart,
  wanted: string | undefined,
  fold?: (text: string) => string,
): Filter[] {
  if (wanted === undefined) return [];
  if (fold === undefined) return [inSomePage(wanted), (page, at) => page.text(at, part) === wanted];
  const folded = fold(wanted);
  return [
    inSomePage(folded, true),
    (page, at) => {
      const text = page.text(at, part);
      return text !== undefined && text.length === folded.length && fold(text) === folded;
    },
  ];
}

function hasSome(
  wanted: string | undefined,
  test: (text: string | undefined, wanted: string) => boolean,
  parts: readonly TextPart[],
): Filter[] {
  if (wanted === undefined) return [];
  return [(page, at) => parts.some((part) => test(page.text(at, part), wanted))];
}

/** Looks at the texts of each page once; `isFolded`: whatever their case. */
function inSomePage(text: string, isFolded = false): Filter {
  let last: Page | undefined;
  let has = false;
  return (page) => {
    if (page !== last) has = isFolded ? page.mayHaveFolded(text) : page.mayHave(text);
    last = page;
    return has;
  };
}
