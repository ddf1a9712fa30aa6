/**
 * What a place is where blocks take effect: a text file that the MTA reads, and what makes the MTA read it again.
 * Declares no implementation. File contents are byte strings (one UTF-16 unit per byte, as in model/line.ts), so that
 * lines of the operator survive byte for byte whatever their encoding.
 */
import type { Block, BlockableType } from '../model/block.ts';

/** An identity in the target's own line format; both are byte strings without line end. */
export interface Entry {
  /** what two lines about the same identity have in common, in the target's own normal form */
  readonly key: string;
  readonly line: string;
}

/** The target has no line that means this identity and nobody else. */
export interface Inexpressible {
  readonly reason: string;
}

/** How a target failed, as one line that names the file or the command. */
export interface Failure {
  readonly message: string;
}

export interface BlockTarget {
  /** unique among all targets, as in the configuration: `postfix.user` */
  readonly name: string;
  /** absolute path of the text file */
  readonly file: string;
  readonly accepts: readonly BlockableType[];
  /** the command that makes the MTA read the file again; empty where it notices by itself. Run once for all targets. */
  readonly reload: readonly string[];
  /** Looks up what `entry` needs (login names); never throws, what it cannot find becomes inexpressible. */
  prepare(blocks: readonly Block[]): Promise<void>;
  entry(key: Block['key']): Entry | Inexpressible;
  /** Where uids are written as login names: the uids of these names, in lower case; never throws. */
  uidsOf?(logins: readonly string[]): Promise<ReadonlyMap<string, string>>;
  /** The keys of any line of the file, an operator's too; none for comments, blank and continuation lines. */
  keysOf(line: string): readonly string[];
  /** The whole file as it should be; a second run over its own result changes nothing. */
  render(blocks: readonly Block[], old: string): string;
  /** Whether the index that the MTA reads is as new as the file; true where there is none. */
  isIndexed(): boolean;
  /** Makes that index; the failure when it could not, never throws. Does not reload. */
  activate(): Promise<Failure | undefined>;
}

/** Longest identity that is written to a file, in bytes: an address of RFC 5321 4.5.3.1 and room for a path. */
const LONGEST_IDENTITY = 320;

/**
 * Why an identity may not become a line of any file, or undefined when it may.
 * Control characters include C1 and the Unicode line separators: some editors end a line there.
 */
export function refusal(key: Block['key']): string | undefined {
  const { id } = key;
  if (id === '') return 'it is empty';
  if (Buffer.byteLength(id) > LONGEST_IDENTITY)
    return `it is longer than ${LONGEST_IDENTITY} bytes`;
  if (/[\x00-\x1f\x7f-\x9f\u2028\u2029]/.test(id)) return 'it holds control characters';
  if (/[\ufffd\p{Surrogate}]/u.test(id)) return 'it holds bytes that are not UTF-8';
  if (id !== id.trim()) return 'it begins or ends with white space';
  if (key.type === 'sender' && !isAddress(id))
    return 'it is no address with a local part and a domain';
  return undefined;
}

/** Without both parts an MTA would match a whole domain, or one local part in every domain. */
function isAddress(id: string): boolean {
  const at = id.lastIndexOf('@');
  return at > 0 && at < id.length - 1;
}

/** A byte string of real text. */
export function readBytes(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1');
}

/** Lower case of ASCII letters only: the bytes of a UTF-8 sequence are no letters. */
export function asciiLower(bytes: string): string {
  return bytes.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
}
