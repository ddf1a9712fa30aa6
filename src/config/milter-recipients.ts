/** The section `milter.recipients`: which recipients are verified, and how. */
import { z } from 'zod';
import { choice, duration, field, list, section, truth, whole } from '../base/fields.ts';
import { formatDuration, MINUTE } from '../base/time.ts';
import type { Problem, YamlFile } from '../base/yaml.ts';
import { DEFAULTS, findHeloName } from '../recipients/defaults.ts';
import {
  DOMAIN_ROLES,
  type DomainOptions,
  type RecipientOptions,
  type Source,
} from '../recipients/options.ts';
import { parseServer, SMTP_PORT } from '../recipients/server.ts';
import { address, command, network, path, shown, text } from './option.ts';

/** Everything about recipients: the options of verification, and where its answers are kept. */
export interface RecipientsConfig {
  readonly options: RecipientOptions;
  /** absolute path of the database of answers */
  readonly database: string;
  /** absolute path of a list that is read at the start and written at the end, as scam-backscatter did */
  readonly backList?: string;
}

export const DEFAULT_RECIPIENTS_DATABASE = '/var/lib/postern-milter/recipients.db';

const span = (ms: number, most?: number) =>
  duration(
    `a duration such as ${formatDuration(ms)}${most === undefined ? '' : `, at most ${formatDuration(most)}`}`,
    most,
  ).prefault(formatDuration(ms));

/** A whole number, or 0 for "no limit". */
const limit = (most: number) =>
  field(`a whole number from 0 to ${most}`, (value) =>
    typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= most
      ? value
      : undefined,
  );

/** Text that a milter can send: the MTA may put the address in front of it. */
const words = text(
  'one line of at most 200 printable ASCII characters, not a digit or a space first',
  (value) => value.length <= 200 && /^[\x21-\x2f\x3a-\x7e][\x20-\x7e]*$/.test(value),
);

function oneOrMore<T extends z.ZodType>(item: T, expected: string) {
  return z.preprocess(
    (value) => (typeof value === 'string' ? [value] : value),
    list(item, expected).refine((items) => items.length > 0, { error: expected }),
  );
}

const domainName = text(
  "a domain, or '*' for all others",
  (value) => value === '*' || /^[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*$/.test(value),
);
const server = text(
  'a server such as [192.0.2.1], [mail.example.net]:25 or example.net',
  (value) => parseServer(value) !== undefined,
);
const mapName = text('a Postfix table such as ldap:/etc/postfix/ldap.cf', (value) =>
  /^[a-z][a-z0-9_-]*:[^\s]/.test(value),
);
const port = whole(65_535, 'a port from 1 to 65535');

const domain = section({
  domain: oneOrMore(domainName, 'a domain or a list of them'),
  servers: oneOrMore(server, 'a server or a list of them').optional(),
  map: mapName.optional(),
  list: path.optional(),
  role: choice(DOMAIN_ROLES).default('primary'),
  subdomains: truth.default(false),
});

const table = section({
  file: path,
  format: choice(['mailertable', 'transport']),
  port: port.default(SMTP_PORT),
  subdomains: truth.default(false),
});

const { callout, skip, cache, attack, texts } = DEFAULTS;

const calloutSection = section({
  helo: shown(
    text('a host name, or an address in brackets', (value) =>
      /^(?:[A-Za-z0-9][A-Za-z0-9.-]*|\[[0-9A-Za-z.:]+\])$/.test(value),
    )
      .optional()
      .describe('Name that Postern gives in EHLO or HELO.'),
    'the name of this host',
  ),
  greeting: choice(['EHLO', 'HELO'])
    .default(callout.greeting)
    .describe('`HELO` for back ends that are confused by EHLO.'),
  sender: shown(
    z
      .union([z.literal(''), address], {
        error: "a mail address, or '' for the null reverse-path",
      })
      .default(callout.sender)
      .describe("Reverse-path of the question. `''` is the null one, which every server takes."),
    "`''`",
  ),
  starttls: truth
    .default(callout.starttls)
    .describe('Use STARTTLS if it is offered. Certificates are not checked.'),
  preferIpVersion: field('4, 6, or 0 for no preference', (value) =>
    ([0, 4, 6] as const).find((known) => known === value),
  )
    .prefault(callout.preferIpVersion)
    .describe('Which addresses of a back end come first; `0`: as the system sorts them.'),
  connectTimeout: span(callout.connectTimeout, MINUTE).describe(
    'How long a connection may take to open.',
  ),
  replyTimeout: span(callout.replyTimeout, MINUTE).describe('How long a reply may take.'),
  perServer: whole(1000).default(callout.perServer).describe('Connections to one back end.'),
  inAll: whole(10_000).default(callout.inAll).describe('Callouts at a time, over all back ends.'),
  backoff: span(callout.backoff).describe(
    'Longest pause between two tests of a back end that does not answer.',
  ),
});

const skipSection = section({
  clients: list(network, 'a list of networks')
    .default([...skip.clients])
    .describe('Clients whose recipients are not verified.'),
  daemons: list(text('the name of a daemon'), 'a list of names')
    .default([...skip.daemons])
    .describe('Names of SMTP daemons (`{daemon_name}`) whose recipients are not verified.'),
  authenticated: truth
    .default(skip.authenticated)
    .describe('Do not verify the recipients of clients that have logged in.'),
  local: truth
    .default(skip.local)
    .describe('Do not verify the recipients of mail that did not come by SMTP.'),
  domains: list(domainName, 'a list of domains').default([]).describe('Domains that are left out.'),
  addresses: list(text('a mail address'), 'a list of addresses')
    .default([])
    .describe('Recipients that are left out.'),
});

const cacheSection = section({
  valid: span(cache.valid).describe(
    'How long "valid" holds. Answers are asked for again before they expire.',
  ),
  invalid: span(cache.invalid).describe('How long "invalid" holds.'),
  most: whole(100_000_000)
    .default(cache.most)
    .describe('Addresses in the database; beyond it the oldest answers go.'),
  mostInMemory: whole(10_000_000)
    .default(cache.mostInMemory)
    .describe('Addresses in memory. A million of them make a process of about 190 MB.'),
});

const attackSection = section({
  perConnection: limit(10_000)
    .default(attack.perConnection)
    .describe(
      'Invalid recipients in one connection, if they are more than the valid ones; `0`: any number.',
    ),
  perClient: limit(1_000_000)
    .default(attack.perClient)
    .describe('The same for a client address within `window`.'),
  window: span(attack.window).describe('Period of `perClient`.'),
  reply: field('421 or 550', (value) => ([421, 550] as const).find((known) => known === value))
    .prefault(attack.reply)
    .describe('What the client gets then: `421` ends its session, `550` refuses each recipient.'),
});

const textSection = section({
  invalid: words.default(texts.invalid).describe('Text of 550 5.1.1.'),
  unknown: words.default(texts.unknown).describe('Text of 450 4.4.3.'),
  attack: words.default(texts.attack).describe('Text for a dictionary attack.'),
});

export const recipientsSchema = section({
  mode: choice(['observe', 'enforce'])
    .default(DEFAULTS.mode)
    .describe('`observe` asks, counts and fills the cache, and refuses nobody.'),
  database: path.default(DEFAULT_RECIPIENTS_DATABASE).describe('SQLite database of answers.'),
  domains: domain
    .array()
    .default([])
    .describe(
      "The domains whose recipients are verified: a list of `domain` (one or a list; `'*'` for all others) with `servers`, `map` or `list`, and `role` (`primary`, `backup`, `catch-all`) and `subdomains`. See docs/recipients.md.",
    ),
  tables: table
    .array()
    .default([])
    .describe(
      'Files that name domains and their servers: a list of `file`, `format` (`mailertable`, `transport`), `port` and `subdomains`. They are read again when they change.',
    ),
  callout: calloutSection.prefault({}).describe('How back ends are asked.'),
  postmap: command
    .default([...DEFAULTS.postmap])
    .describe('Program that looks up a `map`; `-q - TYPE:NAME` is added.'),
  extension: text('punctuation such as +', (value) => /^[!#$%&*+,./:;<=>?^_|~-]+$/.test(value))
    .optional()
    .describe('Characters that begin an extension (`recipient_delimiter`), for maps and lists.'),
  skip: skipSection.prefault({}).describe('Which recipients are not verified.'),
  cache: cacheSection.prefault({}).describe('How long answers hold.'),
  attack: attackSection.prefault({}).describe('Clients that try many invalid recipients.'),
  whenUnknown: choice(['accept', 'tempfail'])
    .default(DEFAULTS.whenUnknown)
    .describe('What happens to a recipient if its back end does not say whether it exists.'),
  texts: textSection.prefault({}).describe('Words of refusals. Never those of a back end.'),
  budget: span(DEFAULTS.budget, 5 * MINUTE).describe(
    'Within this time every recipient is decided. Sendmail waits 10 s, unless it is told otherwise.',
  ),
});

type RawRecipients = z.output<typeof recipientsSchema>;
type RawDomain = RawRecipients['domains'][number];

/** Relative paths start at the folder of the configuration file, with `at`. */
export function resolveRecipients(
  raw: RawRecipients,
  at: (path: string) => string,
): RecipientsConfig {
  const { database, domains, tables, extension, callout: asked, ...rest } = raw;
  return {
    database: at(database),
    options: {
      ...rest,
      extension: extension ?? '',
      domains: domains.flatMap((entry) => resolveDomains(entry, at)),
      tables: tables.map((entry) => ({ ...entry, file: at(entry.file) })),
      callout: { ...asked, helo: asked.helo ?? findHeloName() },
    },
  };
}

function resolveDomains(raw: RawDomain, at: (path: string) => string): DomainOptions[] {
  const source = resolveSource(raw, at);
  return raw.domain.map((name) => ({
    domain: name.toLowerCase(),
    role: raw.role,
    subdomains: raw.subdomains,
    ...(source === undefined ? {} : { source }),
  }));
}

function resolveSource(
  { servers, map, list: file }: RawDomain,
  at: (path: string) => string,
): Source | undefined {
  if (servers !== undefined)
    return { kind: 'callout', servers: servers.flatMap((one) => parseServer(one) ?? []) };
  if (map !== undefined) return { kind: 'map', map };
  return file === undefined ? undefined : { kind: 'list', file: at(file) };
}

const SOURCES = ['servers', 'map', 'list'] as const;

/** What is wrong although each option alone is right. `section` is the path of the section in the file. */
export function findRecipientContradictions(
  raw: RawRecipients,
  yaml: YamlFile,
  section: readonly PropertyKey[],
): Problem[] {
  const problems: Problem[] = [];
  const seen = new Set<string>();
  raw.domains.forEach((entry, index) => {
    const place = [...section, 'domains', index];
    const say = (key: string, text: string) => problems.push(yaml.problem([...place, key], text));
    const named = SOURCES.filter((key) => entry[key] !== undefined);
    if (named.length > 1)
      say(
        named[1] as string,
        `expected one of ${SOURCES.join(', ')}, found ${named.join(' and ')}`,
      );
    if (named.length === 0 && entry.role !== 'catch-all')
      say('domain', `expected ${SOURCES.join(', ')} or role: catch-all beside it, found nothing`);
    for (const name of entry.domain.map((one) => one.toLowerCase())) {
      if (seen.has(name)) say('domain', `expected each domain once, found ${name} again`);
      seen.add(name);
    }
  });
  return problems;
}
