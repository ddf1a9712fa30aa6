/** How much mail there was in a period, for the report and its comparison with the period before. */
import { DIRECTIONS, KINDS, REASON_CODES } from './codes.ts';
import type { Page } from './page.ts';

/** What happened again to the same recipient is counted once. */
export interface Figures {
  /** messages that the mail server took, and their recipients and bytes as far as the log names them */
  readonly accepted: number;
  readonly recipients: number;
  readonly bytes: number;
  /** recipients */
  readonly delivered: number;
  readonly deferred: number;
  readonly bounced: number;
  readonly expired: number;
  /** refused in the SMTP dialogue */
  readonly rejected: number;
  readonly authFailed: number;
  /** recipients of submitters that did not exist */
  readonly invalid: number;
  readonly dsnsSent: number;
}

const KIND_NAMES = {
  accepted: 'accepted',
  delivered: 'delivered',
  deferred: 'deferred',
  bounced: 'bounced',
  expired: 'expired',
  rejected: 'rejected',
  'auth-failed': 'authFailed',
  'dsn-sent': 'dsnsSent',
} as const;

const NAMES: readonly (keyof Figures | undefined)[] = KINDS.words.map(
  (kind) => KIND_NAMES[kind as keyof typeof KIND_NAMES],
);
const { accepted: ACCEPTED, removed: REMOVED } = KINDS.numberOf;
const { local: LOCAL } = DIRECTIONS.numberOf;
const INVALID = new Set<number>([
  REASON_CODES.numberOf['invalid-recipient'],
  REASON_CODES.numberOf['invalid-domain'],
]);

export class FigureSums {
  readonly #counts: { -readonly [name in keyof Figures]: number } = {
    accepted: 0,
    recipients: 0,
    bytes: 0,
    delivered: 0,
    deferred: 0,
    bounced: 0,
    expired: 0,
    rejected: 0,
    authFailed: 0,
    invalid: 0,
    dsnsSent: 0,
  };

  get figures(): Figures {
    return { ...this.#counts };
  }

  /** Counts an event, for `EventTable.scan`. */
  add(page: Page, at: number): void {
    const counts = this.#counts;
    const kind = page.kind(at);
    counts.recipients += page.newRecipients(at) ?? 0;
    if (page.isRepeated(at)) return;
    const name = NAMES[kind];
    if (name !== undefined) counts[name]++;
    if (kind === ACCEPTED) counts.bytes += page.size(at) ?? 0;
    const isOfSubmitter = page.submitter(at) !== 0 && page.direction(at) !== LOCAL;
    if (isOfSubmitter && kind !== REMOVED && INVALID.has(page.reason(at))) counts.invalid++;
  }
}
