/**
 * Macros: facts that the mail server sends in front of a command, by stage. Each frame replaces what its stage had, since
 * it may come without its command. Byte strings. Never throws.
 */
import { ownCopy } from '../model/line.ts';

/** Stages by the command byte of their MACRO frame, the latest first; `L`, `B` and `U` come from Postfix only. */
const LATEST_FIRST: readonly string[] = ['E', 'B', 'N', 'L', 'U', 'T', 'R', 'M', 'H', 'C'];
/** What lives as long as the session. Everything else ends with the message. */
const OF_SESSION: readonly string[] = ['C', 'H'];
/** More than both mail servers send; the rest of a frame is dropped. */
const MOST_NAMES = 100;

export class Macros {
  /** names and values as received: most are never looked at */
  readonly #stages = new Map<string, string>();

  /** Takes the data of a MACRO frame: the command byte, then names and values. A stage nobody knows is ignored. */
  take(data: string): void {
    const stage = data[0] ?? '';
    if (!LATEST_FIRST.includes(stage)) return;
    if (data.length === 1) this.#stages.delete(stage);
    // Those of a recipient go with the answer to it.
    else this.#stages.set(stage, stage === 'R' ? data : ownCopy(data));
  }

  /** Looks a name up from the latest stage backwards; `i` and `{i}` are the same. */
  get(name: string): string | undefined {
    for (const stage of LATEST_FIRST) {
      const data = this.#stages.get(stage);
      const value = data === undefined ? undefined : findValue(data, name);
      if (value !== undefined) return value;
    }
    return undefined;
  }

  /** A message begins (`M`), whose macros have just come, or has ended: what belongs to the one before is forgotten. */
  endMessage(keep?: 'M'): void {
    for (const stage of this.#stages.keys()) {
      if (!OF_SESSION.includes(stage) && stage !== keep) this.#stages.delete(stage);
    }
  }

  /** What belongs to one recipient. */
  endRecipient(): void {
    this.#stages.delete('R');
  }

  clear(): void {
    this.#stages.clear();
  }
}

/** The last value of a name in `Cname\0value\0...`. A last name without a value is not one. */
function findValue(data: string, name: string): string | undefined {
  const strings = data.slice(1).split('\0', 2 * MOST_NAMES);
  let value: string | undefined;
  for (let at = 0; at + 1 < strings.length; at += 2) {
    if (withoutBraces(strings[at] as string) === name) value = ownCopy(strings[at + 1] as string);
  }
  return value;
}

function withoutBraces(name: string): string {
  return name.startsWith('{') && name.endsWith('}') ? name.slice(1, -1) : name;
}
