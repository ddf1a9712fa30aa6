/** The options of `hooks`: which programs and web servers are told what happens. */
import { dropUndefined } from '../base/defined.ts';
import { choice, duration, list, section } from '../base/fields.ts';
import { MINUTE } from '../base/time.ts';
import { canonicalIp, networkSet } from '../model/address.ts';
import { OCCURRENCE_KINDS, type OccurrenceKind } from '../model/occurrence.ts';
import type { HookRoute } from '../notify/hook.ts';
import { command, path, text } from './option.ts';

export const hook = section({
  name: text('a name of letters, digits, - and _', (value) => /^[A-Za-z0-9_-]{1,32}$/.test(value)),
  events: list(choice(OCCURRENCE_KINDS), `a list of ${OCCURRENCE_KINDS.join(', ')}`)
    .refine((kinds) => kinds.length > 0, { error: 'at least one event' })
    .default([...OCCURRENCE_KINDS]),
  url: text('an address such as https://tickets.example.net/postern', (value) =>
    ['http:', 'https:'].includes(parseUrl(value)?.protocol ?? ''),
  ).optional(),
  secretFile: path.optional(),
  command: command.optional(),
  timeout: duration('a duration of at most 5m, such as 10s', 5 * MINUTE).prefault('30s'),
});

type RawHook = (typeof hook)['_output'];

/** A hook as the service uses it. */
export interface HookConfig {
  readonly name: string;
  readonly events: readonly OccurrenceKind[];
  readonly route: HookRoute;
  /** ms that one attempt may take */
  readonly timeout: number;
}

/** Problems that no single option of a hook shows: path below `hooks`, and text. */
export function findHookMistakes(hooks: readonly RawHook[]): [PropertyKey[], string][] {
  return hooks.flatMap((one, index): [PropertyKey[], string][] => {
    const say = (key: string, text: string): [PropertyKey[], string][] => [[[index, key], text]];
    const { name, url, secretFile, command: argv } = one;
    if (hooks.findIndex((other) => other.name === name) !== index)
      return say('name', `expected a name of its own, found ${name} twice`);
    if (url === undefined && argv === undefined)
      return say('name', 'expected url or command beside it, found neither');
    if (url !== undefined && argv !== undefined)
      return say('command', 'expected url or command, found both');
    if (argv !== undefined && secretFile !== undefined)
      return say('secretFile', 'expected url beside it, found command');
    if (argv?.[0]?.startsWith('/') === false)
      return say('command', `expected the full path of a program, found ${argv[0]}`);
    return url === undefined ? [] : findUrlMistakes(url).flatMap((text) => say('url', text));
  });
}

const LOOPBACK = networkSet(['127.0.0.0/8', '::1']);

/** What an attacker on the way reads or changes is who is blocked, and why. */
function findUrlMistakes(url: string): string[] {
  const { protocol, hostname, username } = parseUrl(url) ?? {};
  if (username) return ['expected no user name in it: write the secret into secretFile'];
  if (protocol === 'https:' || isThisHost(hostname ?? '')) return [];
  return [`expected https, because ${hostname} is another host; http is for this host only`];
}

function isThisHost(host: string): boolean {
  const address = host.replace(/^\[(.*)\]$/, '$1');
  return address === 'localhost' || (canonicalIp(address) !== undefined && LOOPBACK.has(address));
}

function parseUrl(value: string): URL | undefined {
  return URL.canParse(value) ? new URL(value) : undefined;
}

export function resolveHook(raw: RawHook, at: (path: string) => string): HookConfig {
  const { name, events, url, secretFile, command: argv = [], timeout } = raw;
  const file = secretFile === undefined ? undefined : at(secretFile);
  const route: HookRoute =
    url === undefined
      ? { kind: 'command', argv }
      : dropUndefined({ kind: 'webhook' as const, url, secretFile: file });
  return { name, events: [...new Set(events)], route, timeout };
}
