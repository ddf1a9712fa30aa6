/** What `postern init` writes as `logins`: which spellings are one person, from the mail server's settings and its log. */
import { readTail } from '../base/tail.ts';
import { Interpreter } from '../interpret/interpreter.ts';
import type { MailEvent, Mta } from '../model/event.ts';
import { Lines } from '../model/lines.ts';
import { canonicalLogin, type LoginOptions, PLAIN_LOGINS } from '../model/login.ts';
import type { Installation, LoginHints } from './installation.ts';

/** Bytes at the end of each log in which logins are looked for. */
const TAIL = 8 * 1024 * 1024;

export interface LoginProposal {
  /** as it goes into the configuration file */
  readonly options: Readonly<Record<string, unknown>>;
  /** sentences for a comment */
  readonly why: readonly string[];
}

/** The section for this mail server; undefined when nothing shows that several spellings are one person. */
export function proposeLogins({
  mta,
  logs,
  loginHints = {},
}: Installation): LoginProposal | undefined {
  const seen = readLogins(logs, mta);
  const why: string[] = [];
  const main = proposeMain(loginHints, seen, why);
  const extension = proposeExtension({ ...PLAIN_LOGINS, ...main }, loginHints, seen, why);
  const options = { ...main, ...(extension === undefined ? {} : { extension }) };
  return why.length === 0 ? undefined : { options, why };
}

function proposeMain(
  { cut, cutBy, localDomain, origin }: LoginHints,
  seen: ReadonlySet<string>,
  why: string[],
): Partial<LoginOptions> {
  if (cut !== undefined) {
    why.push(`An ACL of Exim cuts logins: ${cutBy}`);
    return { cut };
  }
  if (localDomain !== undefined) {
    why.push(`smtpd_sasl_local_domain is ${localDomain}: a login without a domain means that one.`);
    return { defaultDomain: localDomain };
  }
  if (origin === undefined) return {};
  const bare = [...seen].find((login) => !login.includes('@') && seen.has(`${login}@${origin}`));
  if (bare === undefined) return {};
  why.push(`The log has both ${shown(bare)} and ${shown(`${bare}@${origin}`)}.`);
  return { defaultDomain: origin };
}

function proposeExtension(
  options: LoginOptions,
  { delimiter = '' }: LoginHints,
  seen: ReadonlySet<string>,
  why: string[],
): string | undefined {
  if (delimiter === '' || options.cut === 'word') return undefined;
  const persons = new Set([...seen].map((login) => canonicalLogin(options, login)));
  const cutting = { ...options, extension: delimiter };
  const extended = [...persons].find((login) => {
    const person = canonicalLogin(cutting, login);
    return person !== login && persons.has(person);
  });
  if (extended === undefined) return undefined;
  const person = canonicalLogin(cutting, extended);
  why.push(
    `The extension delimiter is ${delimiter}, and the log has both ${shown(person)} and ${shown(extended)}.`,
  );
  return delimiter;
}

/** A login as a comment may show it: the log may hold anything. */
function shown(login: string): string {
  return login.replace(/[^\w.+@=-]/g, '?').slice(0, 100);
}

/** The logins of the newest mail in these logs, lower case. */
function readLogins(logs: readonly string[], mta: Mta): Set<string> {
  const seen = new Set<string>();
  for (const log of logs) {
    const events: MailEvent[] = [];
    const interpreter = new Interpreter({ mta });
    const lines = readTail(log, TAIL).split('\n').slice(0, -1);
    const at = lines.map((bytes, line) => ({ source: log, line, offset: line, bytes }));
    interpreter.feed(interpreter.openSource(0), new Lines(at), events);
    for (const { submitter } of events) {
      if (submitter?.type === 'user') seen.add(submitter.id.toLowerCase());
    }
  }
  return seen;
}
