/**
 * A place where blocks take effect: a text file that the MTA reads, and what makes the MTA read it again.
 * Declares no implementation. File contents are byte strings (one UTF-16 unit per byte, as in model/line.ts), so that
 * the operator's lines survive byte for byte whatever their encoding.
 */
import { hasHidden } from '../base/escape.ts';
import { canonicalClients, getPrefix, isNetwork } from '../model/address.ts';
import type { Block, BlockableType, BlockedKey } from '../model/block.ts';

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

/** What a target can list: a kind of identity, or networks of clients, for which not every table has a form. */
export type TargetKind = BlockableType | 'network';

/** What a target has to accept for this identity. */
export function getTargetKind({ type, id }: Block['key']): TargetKind {
  return type === 'client' && isNetwork(id) ? 'network' : type;
}

/** What the mail server finds when it looks up an identity. */
export interface LookedUp {
  /** whether what it finds holds or refuses mail */
  readonly blocks: boolean;
  /** what it finds: an action of Postfix */
  readonly text?: string;
  /** the line that it finds, counted from 1; undefined for one that only the mail server can read */
  readonly line?: number;
  /** the number of the block if Postern wrote that line; undefined: it was written by hand */
  readonly block?: number;
}

export interface BlockTarget {
  /** unique among all targets, as in the configuration: `postfix.user` */
  readonly name: string;
  /** absolute path of the text file */
  readonly file: string;
  readonly accepts: readonly TargetKind[];
  /** the command that makes the MTA read the file again; empty if the MTA notices by itself. Run once for all targets. */
  readonly reload: readonly string[];
  /** Looks up what `renderEntry` needs (login names); never throws, what it cannot find becomes inexpressible. */
  prepare(blocks: readonly Block[]): Promise<void>;
  renderEntry(key: BlockedKey): Entry | Inexpressible;
  /** If uids are written as login names: the uids of these names, in lower case; never throws. */
  findUids?(logins: readonly string[]): Promise<ReadonlyMap<string, string>>;
  /** The keys of any line of the file, the operator's too; none for comments, blank and continuation lines. */
  readKeys(line: string): readonly string[];
  /** The whole file as it should be; a second run over its own result changes nothing. */
  render(blocks: readonly Block[], old: string): string;
  /** Whether the index that the MTA reads is as new as the file; true if there is no index. */
  isIndexed(): boolean;
  /** Makes that index; returns the failure, never throws. Does not reload. */
  buildIndex(): Promise<Failure | undefined>;
  /**
   * Looks the identities up as the mail server does; undefined for one that it does not find. Clients may be looked up
   * in a target that accepts only networks, and the other way round. Never throws.
   */
  lookUp(keys: readonly Block['key'][]): Promise<readonly (LookedUp | undefined)[] | Failure>;
}

/** A block without effect on one of its identities. */
export interface Passed {
  readonly block: number;
  /** the line that lets it pass, as the end of a sentence */
  readonly why: string;
}

/** What a run over the targets did to one of them. */
export interface TargetResult {
  readonly name: string;
  readonly file: string;
  /** the file was replaced */
  readonly changed: boolean;
  /** IDs of blocks that the file lists, on a line of ours or of the operator; as passed in if nothing was done */
  readonly written: readonly number[];
  /** blocks whose line was deleted by hand: to be ended as unblocked by the operator */
  readonly released: readonly Block[];
  readonly inexpressible: readonly { readonly block: Block; readonly reason: string }[];
  /** what a line of the operator lets pass all the same */
  readonly passed: readonly Passed[];
  /** the file is right, but the MTA does not use it yet: pass in again, and retry */
  readonly pending: boolean;
  /** ms after which to run again: somebody is editing the file */
  readonly retryIn?: number;
  readonly failure?: Failure;
}

/** The part of a target that knows the line format. */
export type LineFormat = Pick<BlockTarget, 'readKeys' | 'renderEntry'>;

/** Longest identity that is written to a file, in bytes: an address of RFC 5321 4.5.3.1 and room for a path. */
const LONGEST_IDENTITY = 320;

/**
 * Why an identity must not become a line of any file, as the end of a sentence; undefined if it may.
 * Control characters include C1 and the Unicode line separators: some editors end a line there.
 */
export function findIdentityProblem(key: Block['key']): string | undefined {
  const { id, type } = key;
  if (type === 'client') return findClientProblem(id);
  if (id === '') return 'it is empty';
  if (Buffer.byteLength(id) > LONGEST_IDENTITY)
    return `it is longer than ${LONGEST_IDENTITY} bytes`;
  if (/[\x00-\x1f\x7f-\x9f\u2028\u2029]/.test(id)) return 'it contains control characters';
  if (/[\ufffd\p{Surrogate}]/u.test(id)) return 'it contains bytes that are not UTF-8';
  if (hasHidden(id)) return 'it contains invisible characters';
  if (id !== id.trim()) return 'it begins or ends with white space';
  if (type === 'sender' && !isAddress(id)) return 'not an address with a local part and a domain';
  return undefined;
}

/** Wider networks than these can belong to more than one provider, so nobody means them. */
const WIDEST = { ipv4: 16, ipv6: 32 } as const;

function findClientProblem(id: string): string | undefined {
  if (canonicalClients(id) === undefined) return 'not an IP address';
  const widest = WIDEST[id.includes(':') ? 'ipv6' : 'ipv4'];
  const isTooWide = isNetwork(id) && getPrefix(id) < widest;
  return isTooWide ? `it is wider than /${widest}` : undefined;
}

/** Without both parts an MTA would match a whole domain, or one local part in every domain. */
function isAddress(id: string): boolean {
  const at = id.lastIndexOf('@');
  return at > 0 && at < id.length - 1;
}

/** Whether both MTAs take this character for white space in a table. */
export function isSpace(char: string | undefined): boolean {
  return char !== undefined && ' \t\r\n\v\f'.includes(char);
}

/** The UTF-8 bytes of a text as a byte string. */
export function toByteString(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1');
}
