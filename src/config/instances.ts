/**
 * Several mail servers in one configuration. Each instance has every option of the file, with what its own section says
 * in place of what stands at the top. So everything but the loading knows one mail server only. Pure.
 */
import { dirname, join } from 'node:path';
import { formatListenAddress } from '../base/listen-address.ts';
import type { Problem, YamlFile } from '../base/yaml.ts';
import type { Config } from './config.ts';
import type { RawConfig } from './schema.ts';

/** What the service has or does once, whatever the number of instances. */
const SHARED = ['instances', 'milter', 'logLevel', 'listings', 'complaints'] as const;

type Mapping = Readonly<Record<string, unknown>>;

/** The sections of `instances`, as far as they are sections; empty if there are none. */
export function listSections(yaml: YamlFile): Mapping[] {
  const { instances } = (yaml.value ?? {}) as Mapping;
  return Array.isArray(instances) ? instances.filter(isMapping) : [];
}

/** The file as the configuration of the instance `index`: its own value of an option, or else that of the top. */
export function viewInstance(yaml: YamlFile, index: number): YamlFile {
  const { instances: _, ...common } = yaml.value as Mapping;
  const { name, ...own } = listSections(yaml)[index] ?? {};
  const locate = (path: readonly PropertyKey[]) => {
    const inside = ['instances', index, ...path];
    return path.length > 0 && yaml.has(inside) ? inside : path;
  };
  const shared = SHARED.filter((key) => key in own).map((key) =>
    yaml.problem(['instances', index, key], 'expected this key at the top, not in an instance'),
  );
  const isFirst = index === 0;
  // Asked and read once: by the first instance.
  const once = isFirst ? {} : { listings: undefined, complaints: undefined };
  return {
    value: withDatabase(merge({ ...common, ...once }, own), own, `${name}`),
    problems: shared,
    problem: (path, text) => yaml.problem(locate(path), text),
    has: (path) => yaml.has(locate(path)),
    place: (path) => yaml.place(locate(path)),
    keyPlace: (path) => yaml.keyPlace(locate(path)),
  };
}

/** Each instance has a database of its own: by default a file with its name in the folder of the common one. */
function withDatabase(merged: Mapping, own: Mapping, name: string): Mapping {
  if ('database' in own) return merged;
  const { database = '/var/lib/postern/postern.db' } = merged;
  return { ...merged, database: join(dirname(`${database}`), `${name}.db`) };
}

/** Sections are merged key by key; a list or a value replaces the other one. */
function merge(common: Mapping, own: Mapping): Mapping {
  const merged: Record<string, unknown> = { ...common };
  for (const [key, value] of Object.entries(own)) {
    const before = merged[key];
    merged[key] = isMapping(before) && isMapping(value) ? merge(before, value) : value;
  }
  return merged;
}

function isMapping(value: unknown): value is Mapping {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** What instances must not have in common: each would undo or count again what the other does. */
export function findInstanceContradictions(
  yaml: YamlFile,
  raw: readonly RawConfig[],
  configs: readonly Config[],
): Problem[] {
  const problems: Problem[] = [];
  const seen = new Map<string, number>();
  for (const [index, config] of configs.entries()) {
    const say = (text: string) => problems.push(yaml.problem(['instances', index], text));
    if (config.enforcer === 'separate') say('expected enforcer: daemon, found separate');
    for (const [what, value] of listOwn(config, raw[index])) {
      const key = `${what} ${value}`;
      const first = seen.get(key);
      if (first === undefined) seen.set(key, index);
      else if (first !== index)
        say(`expected ${what} of its own, found ${value} of ${configs[first]?.instance}`);
    }
  }
  return problems;
}

/** What belongs to one instance: names with values. */
function listOwn(config: Config, raw: RawConfig | undefined): [string, string][] {
  const { mta, database, targets, policy, metrics, logs, journals } = config;
  const { user, client, sender, uid } = targets.postfix;
  const postfix = [user, client, sender, uid].flatMap((map) =>
    map === undefined ? [] : [map.file],
  );
  const { blockedUsers, blockedSenders, blockedNetworks } = targets.exim;
  const files = mta === 'postfix' ? postfix : [blockedUsers, blockedSenders, blockedNetworks];
  const names = raw?.syslogNames ?? ['any'];
  const hosts = raw?.logHosts ?? ['any'];
  const lines = names.flatMap((name) =>
    hosts.map((host) => `with syslog name ${name}, host ${host}`),
  );
  const sources = [...logs, ...journals.map(({ name }) => name)];
  const socket = policy?.listen.kind === 'unix' ? [policy.listen.path] : [];
  const figures = metrics === undefined ? [] : [formatListenAddress(metrics.listen)];
  return [
    ['a name', `${config.instance}`],
    ['a database', database],
    ...files.map((file): [string, string] => ['a block file', file]),
    ...socket.map((path): [string, string] => ['a policy socket', path]),
    ...figures.map((place): [string, string] => ['metrics', place]),
    ...sources.flatMap((log) => lines.map((line): [string, string] => ['lines', `${log} ${line}`])),
  ];
}
