/**
 * The addresses of MAIL and RCPT as the mail server hands them on: what the client sent, byte for byte. With or without
 * angle brackets, with a source route, quoted, in any case, raw UTF-8. Everything here is a byte string (latin1); decode
 * it with `decodeText` (model/line.ts) to show it. Pure, never throws, linear.
 */
import { lowerAscii } from '../base/text.ts';
import { ownCopy } from '../model/line.ts';
import { readSmtpPath } from '../model/smtp-path.ts';

/** The reverse-path or a forward-path, RFC 5321 4.1.2. */
export interface EnvelopeAddress {
  /** as received; a DELRCPT must repeat exactly this */
  readonly argument: string;
  /** without brackets and source route, case as given; empty for the null reverse-path */
  readonly address: string;
  /** what is before the last unquoted `@`, quotes kept; the whole address if it has no domain */
  readonly localPart: string;
  /** what is behind it, in lower case; empty if there is none (`postmaster`) */
  readonly domain: string;
  /** ESMTP parameters as received: `NOTIFY=NEVER`, `ORCPT=rfc822;a@b.example`, `SIZE=1000` */
  readonly parameters: readonly string[];
}

/** Reads the strings of a MAIL or RCPT command. */
export function parseEnvelopeAddress(strings: readonly string[]): EnvelopeAddress {
  const argument = ownCopy(strings[0] ?? '');
  const { address, at, rest } = readSmtpPath(argument);
  return {
    argument,
    address,
    localPart: at < 0 ? address : address.slice(0, at),
    domain: at < 0 ? '' : lowerAscii(address.slice(at + 1)),
    parameters: readParameters(strings, rest),
  };
}

/** The value of an ESMTP parameter (`NOTIFY`), as received; undefined if it was not given. Names match in any case. */
export function findParameter({ parameters }: EnvelopeAddress, name: string): string | undefined {
  const start = `${name.toUpperCase()}=`;
  const found = parameters.find((one) => one.slice(0, start.length).toUpperCase() === start);
  return found?.slice(start.length);
}

/** Sendmail 8.17.1 with EAI puts the parameters behind the address, in the same string; fixed in 8.17.2. */
function readParameters(strings: readonly string[], rest: string): readonly string[] {
  if (strings.length === 1 && !rest.startsWith(' ')) return NONE;
  const given = strings.length > 1 ? strings.slice(1) : rest.split(' ');
  return given.filter((word) => word !== '').map(ownCopy);
}

const NONE: readonly string[] = [];
