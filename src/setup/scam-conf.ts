/** An old scam.conf as Postern's configuration: YAML that says the same. Pure. */
import { stringify } from 'yaml';
import { located } from '../base/errors.ts';
import { formatDuration } from '../base/time.ts';
import { DEFAULTS } from '../recipients/defaults.ts';
import type { RecipientOptions } from '../recipients/options.ts';
import { buildScamOptions } from '../recipients/scam-conf/options.ts';
import type { ReadScamConf } from '../recipients/scam-conf/settings.ts';
import { formatServer } from '../recipients/server.ts';

/** Text that `parseConfig` accepts, with the notes as comments; `file` is the name of the old one. */
export function renderScamConf({ settings, notes }: ReadScamConf, file: string): string {
  // The host's own name is the default of the new configuration, too.
  const options = buildScamOptions(settings);
  const helo = settings.heloHost === undefined ? {} : { helo: settings.heloHost };
  const recipients = dropEmpty({
    mode: options.mode,
    domains: options.domains.map(renderDomain),
    tables: options.tables.map((table) => ({ ...table })),
    callout: dropSame({ ...renderCallout(options), ...helo }, renderCallout(withDefaults())),
    skip: dropSame({ ...options.skip }, { ...DEFAULTS.skip }),
    cache: dropSame(renderCache(options), renderCache(DEFAULTS)),
    attack: dropSame({ ...options.attack }, { ...DEFAULTS.attack }),
    whenUnknown: options.whenUnknown,
  });
  const head = [
    `Recipient verification as in ${file}. Put the section \`milter\` into postern.yaml.`,
    ...(settings.backList === undefined
      ? []
      : [
          `BackList: answers are in a database now. Take the old ones over with:\n  postern recipients import ${settings.backList}`,
        ]),
    ...notes.map((note) => located(note, note.text)),
  ];
  const comments = head.flatMap((text) => text.split('\n')).map((line) => `# ${line}\n`);
  return comments.join('') + stringify({ milter: { recipients } }, { lineWidth: 0 });
}

function renderDomain({ domain, source, subdomains }: RecipientOptions['domains'][number]) {
  const servers = source?.kind === 'callout' ? source.servers.map(formatServer) : [];
  return { domain, servers, ...(subdomains ? { subdomains } : {}) };
}

function withDefaults(): Pick<RecipientOptions, 'callout'> {
  return { callout: { ...DEFAULTS.callout, helo: '' } };
}

function renderCallout({ callout }: Pick<RecipientOptions, 'callout'>): Record<string, unknown> {
  const { helo: _, connectTimeout, replyTimeout, backoff, ...rest } = callout;
  return {
    ...rest,
    connectTimeout: formatDuration(connectTimeout),
    replyTimeout: formatDuration(replyTimeout),
    backoff: formatDuration(backoff),
  };
}

function renderCache({ cache }: Pick<RecipientOptions, 'cache'>): Record<string, unknown> {
  const { valid, invalid } = cache;
  return { valid: formatDuration(valid), invalid: formatDuration(invalid) };
}

/** Without what is the default. */
function dropSame(
  value: Readonly<Record<string, unknown>>,
  same: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  const changed = Object.entries(value).filter(
    ([key, one]) => JSON.stringify(one) !== JSON.stringify(same[key]),
  );
  return Object.fromEntries(changed);
}

/** Without empty sections and lists. */
function dropEmpty(value: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const full = Object.entries(value).filter(
    ([, one]) => typeof one !== 'object' || Object.keys(one as object).length > 0,
  );
  return Object.fromEntries(full);
}
