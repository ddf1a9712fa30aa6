/**
 * Failures of configuration and environment, as one error class.
 * Expected outcomes are values, never errors; a bug of our own is an ordinary exception and ends the process.
 */

/** Exit statuses of every command: done, it failed, wrong usage or configuration. */
export const EXIT = { done: 0, failed: 1, usage: 2 } as const;
export type ExitStatus = (typeof EXIT)[keyof typeof EXIT];

/** Where in a file a problem stands; `line` and `column` are 1-based, `key` is a dotted path such as `notify.smtp.port`. */
export interface Place {
  readonly file?: string;
  readonly line?: number;
  readonly column?: number;
  readonly key?: string;
}

/**
 * Codes of what the environment did: a file or folder that cannot be read or written, a program that is not there, a
 * database that does not exist yet. Everything else is for the operator to correct: usage, configuration, rules.
 */
const FAILURES: ReadonlySet<string> = new Set([
  'unreadable',
  'init',
  'database-missing',
  'database-older',
  'database-unusable',
  'database-corrupt',
]);

/** `code` is stable and for programs; the message is one line (a list of problems: one a line) for people. */
export class PosternError extends Error {
  readonly code: string;
  readonly exitStatus: ExitStatus;
  readonly place: Place;

  constructor(
    code: string,
    message: string,
    options: { place?: Place; exitStatus?: ExitStatus; cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'PosternError';
    this.code = code;
    this.exitStatus = options.exitStatus ?? (FAILURES.has(code) ? EXIT.failed : EXIT.usage);
    this.place = options.place ?? {};
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

/** The `code` of a Node system error (`ENOENT`), or undefined. */
export function getErrno(thrown: unknown): string | undefined {
  if (thrown instanceof Error && 'code' in thrown && typeof thrown.code === 'string') {
    return thrown.code;
  }
  return undefined;
}
