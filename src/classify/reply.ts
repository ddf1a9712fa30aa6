/**
 * The reply inside the text that an MTA logs: removes the MTA's frame (`host x said: …`) and reads the reply code, the
 * enhanced status and the addresses. Knows nothing about reasons. Never throws, whatever the text is.
 */
import { getDomain } from '../model/address.ts';
import type { Stage } from '../model/record.ts';
import { TEXT_LIMIT } from './normalise.ts';

/** A reply without its frame. */
export interface FramedReply {
  readonly code?: number | undefined;
  readonly status?: string | undefined;
  /** from the code on, without the MTA's frame, one line */
  readonly text: string;
  /** the command, if the frame names it */
  readonly stage?: Stage | undefined;
  /** the frame says that the reply was given to another message */
  readonly cached?: boolean | undefined;
}

/** Words before the reply itself. Postfix smtp_proto.c, Exim transports/smtp.c, RFC 3464 2.3.6. */
const FRAMES = [' said: ', 'refused to talk to me: ', ' was: ', 'smtp; ', 'smtp;'];
const EXIM = 'SMTP error from remote mail';
const SUSPENDED = 'delivery temporarily suspended: ';

const COMMANDS: readonly (readonly [string, Stage])[] = [
  ['end of data', 'EOM'],
  ['final dot', 'EOM'],
  ['initial connection', 'CONNECT'],
  ['mail from', 'MAIL'],
  ['pipelined mail', 'MAIL'],
  ['rcpt to', 'RCPT'],
  ['pipelined rcpt', 'RCPT'],
  ['sending data', 'DATA'],
  ['pipelined data', 'DATA'],
  ['starttls', 'STARTTLS'],
  ['helo', 'HELO'],
  ['ehlo', 'HELO'],
  ['auth', 'AUTH'],
  ['data', 'DATA'],
];

/** The command that a phrase such as `RCPT TO command` or `after end of data` names. */
function findStage(phrase: string): Stage | undefined {
  const lower = phrase.toLowerCase();
  return COMMANDS.find(([words]) => lower.includes(words))?.[1];
}

/** Removes the frames, the outermost first: a reply may quote another (`undeliverable address: host x said: …`). */
export function readReply(input: string): FramedReply {
  let text = input.length > TEXT_LIMIT ? input.slice(0, TEXT_LIMIT) : input;
  text = text.replace(/[\x00-\x20\x7f]+/g, ' ').trim();
  const cached = text.startsWith(SUSPENDED);
  if (cached) text = text.slice(SUSPENDED.length);
  const inner = startsWithCode(text) ? removeTail(text) : removeFrame(text);
  const { code, status } = findCodes(inner.text);
  return { code, status, text: inner.text, stage: inner.stage, cached: cached || undefined };
}

function removeFrame(text: string): { text: string; stage?: Stage } {
  const exim = text.indexOf(EXIM);
  if (exim !== -1) return readEximReply(text, exim + EXIM.length);
  let start = -1;
  let frame = '';
  for (const words of FRAMES) {
    const found = text.indexOf(words);
    if (
      found !== -1 &&
      (start === -1 || found < start) &&
      startsWithCode(text.slice(found + words.length))
    ) {
      start = found;
      frame = words;
    }
  }
  if (start === -1) return removeTail(text);
  const answer = text.slice(start + frame.length).trimStart();
  if (frame.includes('refused')) return { text: answer, stage: 'CONNECT' };
  const asked = frame === ' was: ' ? findStage(text.slice(0, start)) : undefined;
  return asked === undefined ? removeTail(answer) : { text: answer, stage: asked };
}

/** `SMTP error from remote mail server after RCPT TO:<x>: 550 …`, older `remote mailer … : host h [ip]: 550 …`. */
function readEximReply(text: string, from: number): { text: string; stage?: Stage } {
  const rest = text.slice(from);
  const found = /: (?=[245][0-9][0-9](?:[ -]|$))/.exec(rest);
  const phrase = found === null ? rest : rest.slice(0, found.index);
  const stage = findStage(phrase);
  const answer = found === null ? text : rest.slice(found.index + 2);
  return stage === undefined ? { text: answer } : { text: answer, stage };
}

/** Postfix ends a quoted reply with `(in reply to RCPT TO command)`. */
function removeTail(answer: string): { text: string; stage?: Stage } {
  const tail = answer.lastIndexOf(' (in reply to ');
  if (tail === -1) return { text: answer };
  const stage = findStage(answer.slice(tail));
  const text = answer.slice(0, tail);
  return stage === undefined ? { text } : { text, stage };
}

function startsWithCode(text: string): boolean {
  return /^ ?[245][0-9][0-9](?:[ -]|$)/.test(text);
}

const LEADING =
  /^([245][0-9][0-9])(?=[ -]|$)[ -]*(?:#?([245]\.[0-9]{1,3}\.[0-9]{1,3})(?![0-9.]*[0-9]))?/;
const ALONE = /^#?([245]\.[0-9]{1,3}\.[0-9]{1,3})(?=[ :]|$)/;
const INSIDE = /(?:^|[^0-9.a-z])([245]\.[0-9]{1,2}\.[0-9]{1,3})(?![.0-9a-z]*[0-9])/;

interface Codes {
  readonly code: number | undefined;
  readonly status: string | undefined;
}

function findCodes(text: string): Codes {
  const leading = LEADING.exec(text);
  const code = leading?.[1] === undefined ? undefined : Number(leading[1]);
  const status = leading?.[2] ?? ALONE.exec(text)?.[1] ?? findInside(text, code);
  return { code, status };
}

/** qmail and others put the status last, `(#5.1.1)`; its class must match the code. */
function findInside(text: string, code: number | undefined): string | undefined {
  const status = INSIDE.exec(text)?.[1];
  if (status === undefined || code === undefined) return status;
  return status.charCodeAt(0) === 0x30 + Math.floor(code / 100) ? status : undefined;
}

const ADDRESS = /<([^<>@\s]{1,256}@[^<>@\s]{1,255})>/g;
/** Addresses that a reply may give for help. */
const HELP_DESKS = new Set([
  'postmaster',
  'abuse',
  'support',
  'hostmaster',
  'help',
  'helpdesk',
  'mailer-daemon',
]);

/**
 * True if the reply names addresses in angle brackets and none of them can be the recipient's. Cautious, because
 * aliases and forwarders rewrite addresses: every address must differ in its local part and in its domain.
 */
export function namesOnlyOthers(reply: string, recipient: string | undefined): boolean {
  if (recipient === undefined || recipient === '' || !reply.includes('<')) return false;
  const text = reply.toLowerCase();
  const own = recipient.toLowerCase();
  if (text.includes(getLocalPart(own))) return false;
  const others = [...text.matchAll(ADDRESS)]
    .map((match) => match[1] as string)
    .filter((address) => !HELP_DESKS.has(getLocalPart(address)));
  return others.length > 0 && others.every((address) => !isSameDomain(address, own));
}

function getLocalPart(address: string): string {
  const sign = address.lastIndexOf('@');
  return sign === -1 ? address : address.slice(0, sign);
}

function isSameDomain(one: string, other: string): boolean {
  const a = getDomain(one);
  const b = getDomain(other);
  return a === b || a.endsWith(`.${b}`) || b.endsWith(`.${a}`);
}
