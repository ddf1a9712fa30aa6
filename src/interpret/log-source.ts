/**
 * One log on its way to the correlator. Its lines are read some hundred at a time, scanned or by the envelope, and then
 * wait: the stages behind take them together, and of several logs each line has its turn by its time.
 */
import { blankLine, type Line, type LoggedLine, type RefillableLine } from '../model/line.ts';
import { type LineBlock, Lines, lineAt } from '../model/lines.ts';
import type { LogRecord } from '../model/record.ts';
import type { Envelope } from '../parse/envelope/envelope.ts';
import { LOGGED, PLAIN, SILENT } from '../scan/outcome.ts';
import type { LineScanner } from '../scan/scanner.ts';
import type { Reading } from './reading.ts';

/**
 * Lines that go through a stage together. Enough of them that the stage's code and tables stay in the processor's
 * caches, and few enough that V8 frees their objects while they are young. Line by line, a replay takes a tenth longer.
 */
const STEP = 512;
const NO_LINE: LoggedLine = blankLine();
const NO_LINES = new Lines([]);

/** A line that waits, and what it says; LOGGED: the parser has to read it first. */
export type Said = LogRecord | typeof LOGGED;

export class LogSource {
  readonly envelope: Envelope;
  readonly #scanner: LineScanner;
  readonly #reading: Reading;
  /** the batch, and where the next line is in it: part, line of the block, its first byte */
  #lines = NO_LINES;
  #part = 0;
  #index = 0;
  #from = 0;
  /** The lists keep their length, because lists that grow anew for each step cost time. */
  readonly #logged: LoggedLine[] = new Array(STEP).fill(NO_LINE);
  readonly #said: (Said | undefined)[] = new Array(STEP).fill(undefined);
  /** the latest time of all lines up to a waiting one, ms: its turn, whatever its own time */
  readonly #turns = new Float64Array(STEP);
  #latest = Number.NEGATIVE_INFINITY;
  /** those that wait: from the first one on, and how many there were */
  #first = 0;
  #count = 0;
  /** lines to be filled by the scanner, each for its place in the lists */
  readonly #pool: RefillableLine[] = Array.from({ length: STEP }, blankLine);

  constructor(envelope: Envelope, scanner: LineScanner, reading: Reading) {
    this.envelope = envelope;
    this.#scanner = scanner;
    this.#reading = reading;
  }

  /** Begins a batch. Its blocks must keep their bytes until all of it was read; none of the last batch may wait. */
  begin(lines: Lines): void {
    this.#lines = lines;
    this.#part = 0;
    this.#index = 0;
  }

  /** How many lines wait. */
  get waiting(): number {
    return this.#count - this.#first;
  }

  /** When the next waiting line has its turn, ms. */
  get turn(): number {
    return this.#turns[this.#first] as number;
  }

  /** Once no line waits: reads on in the batch until some do. Returns false when all of it was read, and none waits. */
  readOn(): boolean {
    this.#first = 0;
    this.#count = 0;
    while (this.#count === 0) {
      const part = this.#lines.parts[this.#part];
      if (part === undefined) {
        this.#scanner.settle();
        this.#lines = NO_LINES;
        return false;
      }
      if ('ends' in part) this.#readBlock(part);
      else this.#readPart(part);
    }
    return true;
  }

  /** How many of the waiting lines have their turn before a time, ms. */
  countBefore(time: number): number {
    let end = this.#first;
    while (end < this.#count && (this.#turns[end] as number) < time) end++;
    return end - this.#first;
  }

  /** The waiting line at this place, from 0 on. */
  lineAt(place: number): LoggedLine {
    return this.#logged[this.#first + place] as LoggedLine;
  }

  /** What it says, before the parser. */
  saidAt(place: number): Said {
    return this.#said[this.#first + place] as Said;
  }

  /** What it says, behind the parser; undefined: nothing. */
  recordAt(place: number): LogRecord | undefined {
    return this.#said[this.#first + place] as LogRecord | undefined;
  }

  setRecord(place: number, record: LogRecord | undefined): void {
    this.#said[this.#first + place] = record;
  }

  /** So many of the waiting lines are done with. */
  drop(count: number): void {
    const end = this.#first + count;
    for (let index = this.#first; index < end; index++) {
      // A text or a record keeps its whole block in memory.
      (this.#pool[index] as RefillableLine).text = '';
      this.#logged[index] = NO_LINE;
      this.#said[index] = undefined;
    }
    this.#first = end;
  }

  #readPart(line: Line): void {
    this.#part++;
    this.#readPlainly(line);
  }

  /** Until there is no more room, or the block is at its end. */
  #readBlock(block: LineBlock): void {
    if (this.#index === 0) this.#from = block.from;
    this.#scanner.begin(block);
    const { ends } = block;
    const reading = this.#reading;
    while (this.#index < ends.length && this.#count < STEP) {
      const index = this.#index++;
      const from = this.#from;
      this.#from = (ends[index] as number) + 1;
      if (reading.isScanning) this.#scan(block, index, from);
      else this.#readPlainly(lineAt(block, index, from));
      // The next one is read as what this one turns out to be.
      if (!reading.understood && this.#count > 0) break;
    }
    if (this.#index < ends.length) return;
    this.#part++;
    this.#index = 0;
  }

  /** Scans one line; it waits unless it says nothing. */
  #scan(block: LineBlock, index: number, from: number): void {
    const line = this.#pool[this.#count] as RefillableLine;
    const scanned = this.#scanner.scan(block, index, from, line);
    if (scanned === PLAIN) {
      this.#readPlainly(lineAt(block, index, from));
      return;
    }
    this.#reading.noteScanned(line.time);
    if (line.time > this.#latest) this.#latest = line.time;
    if (scanned !== SILENT) this.#wait(line, scanned);
  }

  /** By the envelope; a line that counts for nothing does not wait. */
  #readPlainly(line: Line): void {
    this.#scanner.settle();
    const logged = this.envelope.read(line);
    if (this.#reading.isScanning) this.#scanner.learn(line, logged);
    if (logged === undefined) return;
    if (logged.time > this.#latest) this.#latest = logged.time;
    if (this.#reading.admits(logged, this.envelope.latest)) this.#wait(logged, LOGGED);
  }

  #wait(line: LoggedLine, said: Said): void {
    this.#logged[this.#count] = line;
    this.#said[this.#count] = said;
    this.#turns[this.#count++] = this.#latest;
  }
}
