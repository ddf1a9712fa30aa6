/**
 * Failures that an operator can do something about, as one error class.
 * Expected outcomes are values, never errors; a bug of our own is an ordinary exception and ends the process.
 */

/**
 * Exit statuses of every command: done, it failed, wrong usage or configuration. `tryAgain` (EX_TEMPFAIL of sysexits) is
 * only for a mail server that runs us as the command of an alias, and `unknown` for monitoring, whose plugins end with 0 to 3.
 */
export const EXIT = { done: 0, failed: 1, usage: 2, unknown: 3, tryAgain: 75 } as const;
export type ExitStatus = (typeof EXIT)[keyof typeof EXIT];

/** Where in a file a problem is; `line` and `column` are 1-based, `key` is a dotted path such as `notify.smtp.port`. */
export interface Place {
  readonly file?: string;
  readonly line?: number;
  readonly column?: number;
  readonly key?: string;
}

/**
 * What has to change before the same command can work: the command line, a file that the operator wrote, or the
 * machine (a file, a program, a database, another process). It gives the exit status.
 */
type FailureKind = 'usage' | 'configuration' | 'environment';

const STATUSES: Readonly<Record<FailureKind, ExitStatus>> = {
  usage: EXIT.usage,
  configuration: EXIT.usage,
  environment: EXIT.failed,
};

/** What an error may have in addition to its message. */
interface Details {
  /** stable, for programs; default: the kind */
  readonly code?: string;
  readonly place?: Place;
  readonly cause?: unknown;
}

/** The message is one line (a list of problems: one a line) for people. */
export class PosternError extends Error {
  readonly kind: FailureKind;
  readonly code: string;
  readonly exitStatus: ExitStatus;
  readonly place: Place;

  constructor(kind: FailureKind, message: string, { code, place, cause }: Details = {}) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'PosternError';
    this.kind = kind;
    this.code = code ?? kind;
    this.exitStatus = STATUSES[kind];
    this.place = place ?? {};
  }
}

/** Renders a place and a text as `file:line: key: text`, leaving out what is unknown. */
export function located(place: Place, text: string): string {
  const position = [place.file, place.line].filter((part) => part !== undefined).join(':');
  return [position, place.key, text].filter((part) => part !== undefined && part !== '').join(': ');
}

/** The message of anything that was thrown. */
export function getMessage(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}

/** The same without the path that Node puts at its end, for a line that begins with it: `ENOENT: no such file or directory`. */
export function getCause(thrown: unknown): string {
  const message = getMessage(thrown);
  return getErrno(thrown) === undefined ? message : message.replace(/, \w+ '.*'$/s, '');
}

/** The `code` of a Node system error (`ENOENT`), or undefined. */
export function getErrno(thrown: unknown): string | undefined {
  if (thrown instanceof Error && 'code' in thrown && typeof thrown.code === 'string') {
    return thrown.code;
  }
  return undefined;
}
