/**
 * scam.conf, the configuration file of scam-backscatter up to version 1.5.1: `Name:value` lines, in any case, `#` for
 * comments. The order counts: each BackAddrDomain belongs to the BackSMTPServer before it, and takes the BackSMTPPort
 * before it.
 */
import { lowerAscii } from '../../base/text.ts';
import type { Problem } from '../../base/yaml.ts';
import { parseNetwork } from '../../model/address.ts';
import { parseServer, type Server, SMTP_PORT } from '../server.ts';
import { FEATURES, type FeatureName, NO_BITBUCKET } from './features.ts';

/** What a file says; undefined where it says nothing. Times in s, as they are written there. */
export interface ScamSettings {
  readonly features: ReadonlySet<FeatureName>;
  /** in the order of the file */
  readonly domains: readonly { readonly domain: string; readonly server: Server }[];
  /** the server of ALLDOMAINS */
  readonly server?: Server;
  /** for the servers of a mailertable */
  readonly port: number;
  readonly mailertable?: string;
  readonly validExpiry?: number;
  readonly invalidExpiry?: number;
  readonly subdomains: boolean;
  readonly backList?: string;
  readonly connectTimeout?: number;
  readonly replyTimeout?: number;
  readonly skipDaemons: readonly string[];
  readonly skipVerify: readonly string[];
  readonly errorTempfail: boolean;
  readonly preferIpVersion: 0 | 4 | 6;
  readonly backoff?: number;
  readonly heloHost?: string;
}

/** `notes` are worth reading: what a line means is not what somebody may think. */
export interface ReadScamConf {
  readonly settings: ScamSettings;
  readonly problems: readonly Problem[];
  readonly notes: readonly Problem[];
}

export const DEFAULT_MAILERTABLE = '/etc/mail/mailertable';

type Writable<T> = { -readonly [Key in keyof T]: T[Key] };

/** The settings as they grow, and what counts for the lines that follow. */
interface Draft {
  readonly settings: Writable<ScamSettings>;
  readonly features: Set<FeatureName>;
  readonly domains: { domain: string; host: Server; port: number; line: number }[];
  readonly skipDaemons: string[];
  readonly skipVerify: string[];
  host?: Server;
  servers: { line: number }[];
  ports: { line: number; port: number }[];
}

/** What a line does to the draft; returns what it expected, if that is not what it found. */
type Setter = (draft: Draft, value: string, line: number) => string | undefined;

const SECONDS = 'a whole number of seconds';

/** Sets a number of at most `digits` digits. As ever, 0 means the default. */
function seconds(
  key: 'validExpiry' | 'invalidExpiry' | 'connectTimeout' | 'replyTimeout' | 'backoff',
  digits: number,
): Setter {
  return ({ settings }, value) => {
    if (!/^\d+$/.test(value) || value.length > digits) return SECONDS;
    if (Number(value) > 0) settings[key] = Number(value);
    return undefined;
  };
}

function yesNo(set: (draft: Draft, isYes: boolean) => void): Setter {
  return (draft, value) => {
    if (!/^(?:yes|no)$/i.test(value)) return 'Yes or No';
    set(draft, value.toLowerCase() === 'yes');
    return undefined;
  };
}

function absolutePath(key: 'mailertable' | 'backList'): Setter {
  return ({ settings }, value) => {
    if (!value.startsWith('/')) return 'an absolute path';
    settings[key] = value;
    return undefined;
  };
}

const setServer: Setter = (draft, value, line) => {
  // A name is that host: scam-backscatter did not look for mail exchangers.
  const host = parseServer(/^\[/.test(value) ? value : `[${value}]`);
  if (host === undefined) return 'a host name or an IP address';
  draft.host = host;
  draft.servers.push({ line });
  return undefined;
};

const addDomain: Setter = (draft, value, line) => {
  const domain = lowerAscii(value).replace(/\.$/, '');
  if (!/^[\w-]+(?:\.[\w-]+)*$/.test(domain)) return 'a domain';
  if (draft.host === undefined) return 'a BackSMTPServer before this line';
  const port = draft.ports.at(-1)?.port ?? SMTP_PORT;
  draft.domains.push({ domain, host: draft.host, port, line });
  return undefined;
};

const setPort: Setter = (draft, value, line) => {
  const port = Number(value);
  if (!/^\d{1,5}$/.test(value) || port > 65_535) return 'a port from 1 to 65535';
  draft.ports.push({ line, port: port === 0 ? SMTP_PORT : port });
  return undefined;
};

const setters: Readonly<Record<string, Setter>> = {
  backsmtpserver: setServer,
  backaddrdomain: addDomain,
  backsmtpport: setPort,
  backvalidaddrexp: seconds('validExpiry', 9),
  backinvalidaddrexp: seconds('invalidExpiry', 9),
  backaddrsubdomains: yesNo(({ settings }, isYes) => {
    settings.subdomains = isYes;
  }),
  backlist: absolutePath('backList'),
  timeoutsmtpconnect: seconds('connectTimeout', 4),
  timeoutsmtpreply: seconds('replyTimeout', 5),
  backskipdaemon({ skipDaemons }, value) {
    if (!/^[\w.-]+$/.test(value)) return 'the name of a daemon, such as MSA';
    skipDaemons.push(value);
    return undefined;
  },
  backskipverify({ skipVerify }, value) {
    if (parseNetwork(value) === undefined) return 'an address or a network such as 192.0.2.0/24';
    skipVerify.push(value);
    return undefined;
  },
  backerrortempfail: yesNo(({ settings }, isYes) => {
    settings.errorTempfail = isYes;
  }),
  mailertable: absolutePath('mailertable'),
  preferipversion({ settings }, value) {
    if (!/^[046]$/.test(value)) return '4 or 6, or 0 for no preference';
    settings.preferIpVersion = Number(value) as 0 | 4 | 6;
    return undefined;
  },
  backsmtpbackoff: seconds('backoff', 5),
  helohost({ settings }, value) {
    if (!/^[A-Za-z0-9][A-Za-z0-9.-]*$/.test(value)) return 'a host name';
    settings.heloHost = value;
    return undefined;
  },
  ...Object.fromEntries(
    FEATURES.map(({ name }) => [
      name.toLowerCase(),
      yesNo(({ features }, isYes) => {
        if (isYes) features.add(name);
        else features.delete(name);
      }),
    ]),
  ),
};
/** The manual has both forms. */
const SETTERS = { ...setters, backaddrsubdomain: setters.backaddrsubdomains as Setter };

/** Reads the text of `file`; `switches` are those of the command line. Throws nothing: problems are values. */
export function readScamConf(
  text: string,
  file: string,
  switches: Iterable<FeatureName> = [],
): ReadScamConf {
  const draft = startDraft(switches);
  const problems = text.split('\n').flatMap((raw, index) => {
    const found = readLine(draft, raw.replace(/\r$/, ''), index + 1);
    return found === undefined ? [] : [{ file, line: index + 1, ...found }];
  });
  const settings = finish(draft);
  const missing = findMissing(draft, settings, file);
  return {
    settings,
    problems: problems.length === 0 ? missing : [...problems],
    notes: findNotes(draft, settings, file),
  };
}

function startDraft(switches: Iterable<FeatureName>): Draft {
  const [features, domains] = [new Set(switches), [] as Draft['domains']];
  const [skipDaemons, skipVerify] = [[] as string[], [] as string[]];
  const settings: Writable<ScamSettings> = {
    features,
    domains: [],
    port: SMTP_PORT,
    subdomains: false,
    skipDaemons,
    skipVerify,
    errorTempfail: false,
    preferIpVersion: 0,
  };
  return { settings, features, domains, skipDaemons, skipVerify, servers: [], ports: [] };
}

function readLine(draft: Draft, raw: string, line: number) {
  const text = raw.trim();
  if (text === '' || text.startsWith('#')) return undefined;
  const colon = text.indexOf(':');
  if (colon < 1) return { text: `expected Name:value, found ${JSON.stringify(text.slice(0, 60))}` };
  const key = text.slice(0, colon).trimEnd();
  const name = key.toLowerCase();
  if (name === 'bitbucket') return { key, text: NO_BITBUCKET };
  const set = Object.hasOwn(SETTERS, name) ? SETTERS[name as keyof typeof SETTERS] : undefined;
  if (set === undefined)
    return { key, text: 'expected a setting of scam.conf, found an unknown one' };
  const rest = text.slice(colon + 1).trim();
  // A path may hold anything; other values end where a comment begins.
  const value = rest.startsWith('/') ? rest : rest.replace(/\s+#.*$/, '');
  const expected = set(draft, value, line);
  if (expected === undefined) return undefined;
  return { key, text: `expected ${expected}, found ${JSON.stringify(value.slice(0, 60))}` };
}

/**
 * Which features the old program must have had: domains came from the mailertable if the file names no server, and one
 * server was for all domains if it names no domain.
 */
function finish(draft: Draft): ScamSettings {
  const { settings, features, domains, host, ports } = draft;
  if (domains.length === 0 && !features.has('USEMAILERTABLE') && !features.has('ALLDOMAINS')) {
    if (host !== undefined) features.add('ALLDOMAINS');
    else if (settings.mailertable !== undefined) features.add('USEMAILERTABLE');
  }
  settings.port = ports.at(-1)?.port ?? SMTP_PORT;
  if (features.has('USEMAILERTABLE')) settings.mailertable ??= DEFAULT_MAILERTABLE;
  else if (features.has('ALLDOMAINS')) {
    if (host !== undefined) settings.server = { ...host, port: settings.port };
  } else settings.domains = placeDomains(draft);
  return settings;
}

/** The last of two lines for one domain counts. A single port that stands below all domains is meant for all. */
function placeDomains({ domains, ports }: Draft) {
  const last = domains.at(-1)?.line ?? 0;
  const only = ports.length === 1 && (ports[0]?.line ?? 0) > last ? ports[0]?.port : undefined;
  const placed = domains.map(({ domain, host, port }) => ({
    domain,
    server: { ...host, port: only ?? port },
  }));
  return [...new Map(placed.map((entry) => [entry.domain, entry])).values()];
}

function findMissing({ servers }: Draft, settings: ScamSettings, file: string): Problem[] {
  const { features } = settings;
  const problem = (text: string, line?: number): Problem => ({
    file,
    ...(line === undefined ? {} : { line }),
    text,
  });
  if (features.has('USEMAILERTABLE'))
    return features.has('ALLDOMAINS')
      ? [problem('expected one of USEMAILERTABLE and ALLDOMAINS, found both')]
      : [];
  if (features.has('ALLDOMAINS')) {
    if (servers.length === 0) return [problem('expected a BackSMTPServer')];
    const text = 'expected one BackSMTPServer, because of ALLDOMAINS, found another one';
    return servers.slice(1).map(({ line }) => ({ ...problem(text, line), key: 'BackSMTPServer' }));
  }
  if (settings.domains.length > 0) return [];
  return [problem('expected BackSMTPServer and BackAddrDomain, or the switch USEMAILERTABLE')];
}

function findNotes({ domains, ports }: Draft, settings: ScamSettings, file: string): Problem[] {
  const notes: Problem[] = [];
  const note = (key: string, text: string, line?: number) =>
    notes.push({ file, ...(line === undefined ? {} : { line }), key, text });
  const { features } = settings;
  if (features.has('ALLDOMAINS') && !features.has('USEMAILERTABLE') && domains.length === 0)
    note('BackSMTPServer', 'no BackAddrDomain: this server is asked about all domains');
  if (features.has('USEMAILERTABLE') && domains.length > 0)
    note('BackAddrDomain', 'not used, because the domains come from the mailertable');
  else if (settings.domains.length > 0 && settings.mailertable !== undefined)
    note('Mailertable', 'not used, because the domains are named here (USEMAILERTABLE is not set)');
  for (const { line, port } of ports) {
    const before = domains.filter((domain) => domain.line < line);
    const isLost =
      settings.domains.length > 0 && before.length > 0 && before.length < domains.length;
    if (isLost && port !== SMTP_PORT)
      note('BackSMTPPort', 'is for the BackAddrDomain lines below it, not for those above', line);
  }
  return notes;
}
