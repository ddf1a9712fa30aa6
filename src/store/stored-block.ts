/** A block as the database keeps it: how it began, and how it ended. */
import { dropUndefined } from '../base/defined.ts';
import type { Block, BlockableType } from '../model/block.ts';
import { readGateway } from './verdicts.ts';

/**
 * `guard`: its refusals came from a provider outage. `password`: somebody else than the owner changed the password, and
 * the rule ends its blocks with that. `server`: another server released it.
 */
export const RELEASED_BY = ['operator', 'file', 'expiry', 'guard', 'password', 'server'] as const;
export type ReleasedBy = (typeof RELEASED_BY)[number];

/** A block with its history. */
export interface StoredBlock extends Block {
  /** number of the verdict that led to it; none for a manual block */
  readonly verdict?: number;
  readonly note?: string;
  readonly released?: number;
  readonly releasedBy?: ReleasedBy;
  /** who changed the password, if that ended it */
  readonly passwordBy?: string;
  /** newest event at the release: events up to it do not count again */
  readonly releasedEvent?: number;
  /** the other server where it began */
  readonly host?: string;
  /** who began it there, by hand */
  readonly who?: string;
  /** the other server that released it, how and by whom */
  readonly releasedHost?: string;
  readonly releasedHow?: ReleasedBy;
  readonly releasedWho?: string;
}

/** A row of the table `block`. */
export interface BlockRow {
  id: number;
  key_type: string;
  key_id: string;
  cause: string;
  note: string | null;
  verdict: number | null;
  start: number;
  end: number | null;
  released: number | null;
  released_by: string | null;
  released_event: number | null;
  at_type: string | null;
  at_id: string | null;
  password_by: string | null;
  host: string | null;
  released_host: string | null;
  who: string | null;
  released_who: string | null;
  released_how: string | null;
}

/** What a row says, with empty columns left out. */
export function fromBlockRow(row: BlockRow): StoredBlock {
  return dropUndefined({
    id: row.id,
    key: { type: row.key_type as BlockableType, id: row.key_id },
    at: readGateway(row),
    cause: row.cause,
    start: row.start,
    end: row.end ?? undefined,
    note: row.note ?? undefined,
    verdict: row.verdict ?? undefined,
    released: row.released ?? undefined,
    releasedBy: row.released_by === null ? undefined : (row.released_by as ReleasedBy),
    passwordBy: row.password_by ?? undefined,
    releasedEvent: row.released_event ?? undefined,
    host: row.host ?? undefined,
    who: row.who ?? undefined,
    releasedHost: row.released_host ?? undefined,
    releasedHow: row.released_how === null ? undefined : (row.released_how as ReleasedBy),
    releasedWho: row.released_who ?? undefined,
  });
}
