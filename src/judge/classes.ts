/**
 * Classes of events: two events are of one class when the same rules use them in the same way. So a timeline that many
 * rules share keeps one small number for each event, and each rule a table of what it adds to its sums.
 */
import type { Adjustment } from './adjustment.ts';
import { NEEDS } from './entries.ts';
import type { Shape } from './shape.ts';

/**
 * More classes than this are not told apart: a rule then keeps such an event for itself. A configuration has a few
 * dozen; those who choose senders cannot make more than its exceptions tell apart.
 */
export const MOST_CLASSES = 1024;
const MOST_NODES = 50_000;

/** What an event adds to a sum: nothing, one, or the recipients that it shows for the first time. */
const NONE = 0;
const ONE = 1;
const AMOUNT = 2;
/** The whole of a share is kept beside what is counted. */
const WHOLE = 2;

/** What an event adds to the sums of a rule; 0 when the rule does not use it. */
export type Code = number;

/** How a rule uses events that it counts, or that only add to its whole. */
export function buildCode(shape: Shape, counts: boolean): Code {
  const counted = !counts ? NONE : shape.countsRecipients ? AMOUNT : ONE;
  const whole = !shape.hasWhole ? NONE : shape.measure === 'ratio' ? AMOUNT : ONE;
  return counted | (whole << WHOLE);
}

/** Whether a rule counts events of this code; others only add to its whole. */
export function isCounted(code: Code): boolean {
  return (code & 3) !== NONE;
}

/** What an event of this code adds to what is counted. */
export function countedOf(code: Code, amount: number): number {
  const by = code & 3;
  return by === AMOUNT ? amount : by;
}

/** What an event of this code adds to the whole. */
export function wholeOf(code: Code, amount: number): number {
  const by = code >> WHOLE;
  return by === AMOUNT ? amount : by;
}

/** The columns that a rule needs of an event. */
function findNeeds(shape: Shape, code: Code): number {
  const counts = isCounted(code);
  const hasAmount = (code & 3) === AMOUNT || code >> WHOLE === AMOUNT;
  let needs = hasAmount ? NEEDS.amount : 0;
  if (counts && shape.distinct !== undefined) {
    needs |= shape.distinct === 'recipient' ? NEEDS.recipient : NEEDS.client;
  }
  if (shape.share !== undefined) needs |= NEEDS.place;
  if (shape.hasSenders) needs |= NEEDS.sender;
  if (counts && shape.mostPerHost !== undefined) needs |= NEEDS.host;
  return needs;
}

/** What the classes know of a rule: `codes` says what an event of each class adds. */
export interface Reader {
  /** its place among the rules that count by this type of key */
  readonly slot: number;
  readonly shape: Shape;
  readonly codes: Uint8Array;
  /** fewer counted events (or recipients) than this meet none of its limits, unless the key has an override */
  readonly least: number;
  /** what the configuration changes about its limits */
  readonly adjustment?: Adjustment | undefined;
}

/** The first rules that use an event, in their order. A path of nodes leads to its class. */
export class ClassNode {
  readonly before: ClassNode | undefined;
  readonly reader: Reader | undefined;
  readonly code: Code;
  /** columns, as bits */
  readonly needs: number;
  /** fewer events, or recipients, than this meet no limit of any of these rules */
  readonly least: number;
  readonly countsRecipients: boolean;
  /** number of the class; undefined until an event ends here, or when there are too many */
  number: number | undefined;
  readonly #next = new Map<number, ClassNode>();
  /** the last one: nearly all events take the same path */
  #lastStep = -1;
  #last: ClassNode | undefined;
  #uses: readonly ClassUse[] | undefined;

  constructor(before?: ClassNode, reader?: Reader, code: Code = 0) {
    this.before = before;
    this.reader = reader;
    this.code = code;
    this.needs = (before?.needs ?? 0) | (reader === undefined ? 0 : findNeeds(reader.shape, code));
    this.least = Math.min(
      before?.least ?? Number.POSITIVE_INFINITY,
      isCounted(code) && reader !== undefined ? reader.least : Number.POSITIVE_INFINITY,
    );
    this.countsRecipients = before?.countsRecipients === true || (code & 3) === AMOUNT;
  }

  /** The node for one more rule, if there is one. */
  find(reader: Reader, code: Code): ClassNode | undefined {
    const step = nameStep(reader, code);
    if (step === this.#lastStep) return this.#last;
    const node = this.#next.get(step);
    if (node === undefined) return undefined;
    this.#lastStep = step;
    this.#last = node;
    return node;
  }

  add(reader: Reader, code: Code): ClassNode {
    const node = new ClassNode(this, reader, code);
    this.#next.set(nameStep(reader, code), node);
    return node;
  }

  /** The rules that use events of this class, in their order. */
  uses(): readonly ClassUse[] {
    this.#uses ??= this.#listUses();
    return this.#uses;
  }

  #listUses(): readonly ClassUse[] {
    const uses: ClassUse[] = [];
    for (let node: ClassNode = this; node.reader !== undefined; node = node.before as ClassNode) {
      uses.push({ reader: node.reader, code: node.code });
    }
    return uses.reverse();
  }
}

interface ClassUse {
  readonly reader: Reader;
  readonly code: Code;
}

function nameStep({ slot }: Reader, code: Code): number {
  return slot * 16 + code;
}

/** The classes of the events of one type of key. */
export class Classes {
  readonly root = new ClassNode();
  readonly #all: ClassNode[] = [];
  #nodes = 0;

  /** One more rule uses the event; undefined when there is no room for another combination of rules. */
  step(node: ClassNode, reader: Reader, code: Code): ClassNode | undefined {
    const known = node.find(reader, code);
    if (known !== undefined) return known;
    if (this.#nodes >= MOST_NODES || this.#all.length >= MOST_CLASSES) return undefined;
    this.#nodes++;
    return node.add(reader, code);
  }

  /** The number of the class that ends at this node; undefined when there are too many. */
  numberOf(node: ClassNode): number | undefined {
    if (node.number !== undefined || this.#all.length >= MOST_CLASSES) return node.number;
    node.number = this.#all.length;
    this.#all.push(node);
    for (const { reader, code } of node.uses()) reader.codes[node.number] = code;
    return node.number;
  }

  /** The class of the same events for all rules but one; undefined when there are too many. */
  without(number: number, reader: Reader): number | undefined {
    let node: ClassNode | undefined = this.root;
    for (const use of this.get(number).uses()) {
      if (node !== undefined && use.reader !== reader) node = this.step(node, use.reader, use.code);
    }
    return node && this.numberOf(node);
  }

  get(number: number): ClassNode {
    return this.#all[number] as ClassNode;
  }
}
