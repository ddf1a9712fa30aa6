/** Where target files go that the configuration leaves to their defaults while it names others: beside those. Pure. */
import { basename, dirname, join } from 'node:path';
import type { YamlFile } from '../base/yaml.ts';
import type { RawConfig } from './schema.ts';

/** Files of the same folder, where the configuration names some of them and leaves others to their defaults. */
export function besideEachOther(raw: RawConfig, yaml: YamlFile): RawConfig {
  const { postfix, exim } = raw.targets;
  const isNamed = (path: readonly string[]) => yaml.has(['targets', ...path]);
  const named = MAPS.find((name) => isNamed(['postfix', name, 'file']));
  const folder = named === undefined ? undefined : dirname(postfix[named]?.file ?? '');
  const maps = MAPS.flatMap((name) => {
    const map = postfix[name];
    if (map === undefined || folder === undefined || isNamed(['postfix', name, 'file'])) return [];
    const type =
      name === 'sender' && !isNamed(['postfix', name, 'type']) ? postfix.user?.type : undefined;
    return [[name, { ...map, file: join(folder, basename(map.file)), type: type ?? map.type }]];
  });
  const senders = isNamed(['exim', 'blockedUsers']) && !isNamed(['exim', 'blockedSenders']);
  return {
    ...raw,
    targets: {
      postfix: { ...postfix, ...Object.fromEntries(maps) },
      exim: senders
        ? {
            ...exim,
            blockedSenders: join(dirname(exim.blockedUsers), basename(exim.blockedSenders)),
          }
        : exim,
    },
  };
}

const MAPS = ['user', 'client', 'sender', 'uid'] as const;
