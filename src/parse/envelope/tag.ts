/**
 * Syslog tags: `postfix/submission/smtpd` is instance, service and daemon; `exim4` is a program.
 * Tags and processes come again and again, so what was found is kept; how much is bounded whatever the log says.
 */

/** What a tag names. `exim` marks Exim's own tags, whose messages may hold a second time stamp. */
export interface Tag {
  readonly instance: string;
  readonly service: string;
  readonly program: string;
  readonly exim: boolean;
}

/** A tag with its pid, `postfix/smtpd[811]`. */
export interface Process {
  readonly tag: Tag;
  /** empty when the tag has none */
  readonly pid: string;
}

const KEPT = 4096;
const LONGEST = 128;

export class TagReader {
  readonly #known = new Map<string, Process>();

  /** Reads `name[pid]` or `name`; undefined for the empty word and for one that is too long for a tag. */
  read(word: string): Process | undefined {
    const known = this.#known.get(word);
    if (known !== undefined) return known;
    if (word.length > LONGEST) return undefined;
    const open = word.endsWith(']') ? word.lastIndexOf('[') : -1;
    const name = open > 0 ? word.slice(0, open) : word;
    if (name === '') return undefined;
    const found = { tag: parseTag(name), pid: open > 0 ? word.slice(open + 1, -1) : '' };
    if (this.#known.size >= KEPT) this.#known.clear();
    this.#known.set(word, found);
    return found;
  }
}

/** `syslog_name *("/" service) "/" daemon`, or one word. */
function parseTag(name: string): Tag {
  const first = name.indexOf('/');
  if (first < 0) {
    const exim = name.startsWith('exim');
    return { instance: name, service: '', program: exim ? 'exim' : name, exim };
  }
  const last = name.lastIndexOf('/');
  return {
    instance: name.slice(0, first),
    service: last > first ? name.slice(first + 1, last) : '',
    program: name.slice(last + 1),
    exim: false,
  };
}
