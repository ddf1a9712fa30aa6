/**
 * JSON objects over several lines, as `journalctl -o json-pretty` and jq print them: from a line that is `{` to a line
 * that is `}`, with all lines in between indented. A text in such an object has no raw line feed, so it cannot end it.
 */
import { z } from 'zod';
import { ownCopy, type Position } from '../../model/line.ts';
import { positionSchema } from './parts.ts';

/** Longest object that is read, bytes; the rest of a longer one is skipped. */
const LONGEST_OBJECT = 65_536;
const INDENTED = /^[ \t]/;

export const prettySchema = z.object({ at: positionSchema, text: z.string() }).optional();

type State = z.infer<typeof prettySchema>;

/** Puts objects together from their lines. */
export class PrettyJson {
  /** the object that has begun, as a byte string */
  state: State;

  /** Begins an object with the line `{`. */
  begin(at: Position): void {
    this.state = { at, text: '{' };
  }

  /**
   * Takes a line of the open object. Returns the object when this line ends it, true when it goes on, and false for a
   * line that is not part of one: then the object is given up.
   */
  take(line: string): State | boolean {
    const open = this.state;
    if (open === undefined) return false;
    if (INDENTED.test(line)) {
      if (open.text.length <= LONGEST_OBJECT) open.text = ownCopy(open.text + line);
      return true;
    }
    this.state = undefined;
    return line === '}' && { at: open.at, text: `${open.text}}` };
  }
}
