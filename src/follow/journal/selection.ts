/**
 * Which entries of the journal count. An entry is judged by the fields that journald itself sets and that no writer can
 * choose (systemd.journal-fields(7): they begin with `_`), before its text is looked at: any local account can log as
 * `postfix/smtpd`. Knows nothing of mail.
 */
import { isPersonUid } from '../../model/uid.ts';

export interface JournalSelection {
  /** names of units, `*` stands for any characters */
  readonly units: readonly string[];
  /** names of containers */
  readonly containers: readonly string[];
  /** who may write for the units and containers; absent: no ordinary user for units, root for containers */
  readonly uids?: readonly string[];
}

/** One entry as `journalctl --output=json` prints it. */
export type JournalEntry = Readonly<Record<string, unknown>>;

/** SD_MESSAGE_JOURNAL_DROPPED: "Suppressed N messages from UNIT", journald's rate limit (journald.conf(5)). */
const DROPPED = 'a596d6fe7bfa4994828e72309e95d61e';

/** The fields that are read, here and by whoever reads the entry as a line. */
export const JOURNAL_FIELDS = [
  'MESSAGE',
  'MESSAGE_ID',
  'N_DROPPED',
  'SYSLOG_IDENTIFIER',
  'SYSLOG_PID',
  '_PID',
  '_UID',
  '_HOSTNAME',
  '_TRANSPORT',
  '_SYSTEMD_UNIT',
  '_SOURCE_REALTIME_TIMESTAMP',
  'CONTAINER_ID',
  'CONTAINER_NAME',
  'CONTAINER_PARTIAL_MESSAGE',
] as const;

/** Units that write the lines of containers: dockerd, and the conmon of podman. */
const CONTAINER_UNITS = ['docker*.service', 'podman*.service', 'libpod-*.scope', 'user@*.service'];

export class JournalFilter {
  readonly #units: RegExp;
  readonly #writers: RegExp;
  readonly #containers: ReadonlySet<string>;
  readonly #uids: ReadonlySet<string> | undefined;
  /** arguments of journalctl that leave out most of what `accepts` would refuse */
  readonly matches: readonly string[];

  constructor(selection: JournalSelection) {
    const { units, containers, uids } = selection;
    this.#units = compile(units);
    this.#writers = compile(containers.length > 0 ? [...units, ...CONTAINER_UNITS] : units);
    this.#containers = new Set(containers);
    this.#uids = uids && new Set(uids);
    this.matches = buildMatches(selection);
  }

  accepts(entry: JournalEntry): boolean {
    if (typeof entry.CONTAINER_NAME === 'string' && this.#containers.has(entry.CONTAINER_NAME)) {
      return this.#uids === undefined ? entry._UID === '0' : this.#isListed(entry);
    }
    if (!isName(entry._SYSTEMD_UNIT, this.#units)) return false;
    return this.#uids === undefined ? !isPersonUid(entry._UID) : this.#isListed(entry);
  }

  /** How many entries of these units or containers journald dropped, if the entry says that; undefined if not. */
  readDropped(entry: JournalEntry): { readonly count: string; readonly unit: string } | undefined {
    if (entry.MESSAGE_ID !== DROPPED || entry._TRANSPORT !== 'driver') return undefined;
    const [, count, unit] = /^Suppressed (\d+) messages from (\S+)$/.exec(`${entry.MESSAGE}`) ?? [];
    if (count === undefined || unit === undefined) return undefined;
    return this.#writers.test(unit) ? { count, unit } : undefined;
  }

  /** An ordinary user whom the operator lists is meant, although the log's readers refuse ordinary users. */
  isListedPerson(entry: JournalEntry): boolean {
    return this.#isListed(entry) && isPersonUid(entry._UID);
  }

  #isListed({ _UID }: JournalEntry): boolean {
    return typeof _UID === 'string' && this.#uids?.has(_UID) === true;
  }
}

function isName(value: unknown, pattern: RegExp): boolean {
  return typeof value === 'string' && pattern.test(value);
}

/** One expression for names with `*`; without any it matches nothing. */
function compile(patterns: readonly string[]): RegExp {
  const escaped = patterns.map((pattern) =>
    pattern.replaceAll(/[^\w*]/g, '\\$&').replaceAll('*', '.*'),
  );
  return escaped.length === 0 ? /(?!)/ : new RegExp(`^(?:${escaped.join('|')})$`);
}

/** journalctl knows whole values only, so units with a `*` are looked for by the facility `mail` (RFC 5424 6.2.1). */
function buildMatches({ units, containers }: JournalSelection): string[] {
  const exact = units.filter((unit) => !unit.includes('*'));
  const terms = [
    ...exact.map((unit) => `_SYSTEMD_UNIT=${unit}`),
    ...(exact.length < units.length ? ['SYSLOG_FACILITY=2'] : []),
    ...containers.map((name) => `CONTAINER_NAME=${name}`),
    `MESSAGE_ID=${DROPPED}`,
  ];
  return terms.flatMap((term, index) => (index === 0 ? [term] : ['+', term]));
}
