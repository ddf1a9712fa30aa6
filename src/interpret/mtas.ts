/** The one list of parsers; a test compares it with the folder. Targets are chosen by `targetsOf` from the configuration. */
import type { Mta } from '../model/event.ts';
import { eximParser } from '../parse/exim/parser.ts';
import type { LogParser } from '../parse/parser.ts';
import { postfixParser } from '../parse/postfix/parser.ts';

export const PARSERS: Readonly<Record<Mta, LogParser>> = {
  postfix: postfixParser,
  exim: eximParser,
};

/** The parser for lines of this program: Exim's tag is its own name, every daemon of Postfix has one of its own. */
export function parserFor(program: string): LogParser {
  return program.startsWith('exim') ? eximParser : postfixParser;
}
