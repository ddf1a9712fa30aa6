/**
 * Where a target file goes when the configuration does not name it but names another target of the same mail server:
 * into that one's folder, not into the default one. Pure.
 */
import { basename, dirname, join } from 'node:path';
import type { YamlFile } from '../base/yaml.ts';
import type { RawConfig } from './schema.ts';
import { POSTFIX_MAPS } from './target-schema.ts';

/** `raw` with the files that `yaml` leaves to their defaults moved beside those it names. */
export function placeTargets(raw: RawConfig, yaml: YamlFile): RawConfig {
  const isNamed = (...path: readonly string[]) => yaml.has(['targets', ...path]);
  const { postfix, exim } = raw.targets;
  return {
    ...raw,
    targets: { postfix: placeMaps(postfix, isNamed), exim: placeLists(exim, isNamed) },
  };
}

type Targets = RawConfig['targets'];
type IsNamed = (...path: readonly string[]) => boolean;

function placeMaps(postfix: Targets['postfix'], isNamed: IsNamed): Targets['postfix'] {
  const named = POSTFIX_MAPS.find((name) => isNamed('postfix', name, 'file'));
  if (named === undefined) return postfix;
  const folder = dirname(postfix[named]?.file ?? '');
  const placed = POSTFIX_MAPS.flatMap((name) => {
    const map = postfix[name];
    if (map === undefined || isNamed('postfix', name, 'file')) return [];
    const type =
      name === 'sender' && !isNamed('postfix', name, 'type') ? postfix.user?.type : undefined;
    return [[name, { ...map, file: join(folder, basename(map.file)), type: type ?? map.type }]];
  });
  return { ...postfix, ...Object.fromEntries(placed) };
}

function placeLists(exim: Targets['exim'], isNamed: IsNamed): Targets['exim'] {
  if (!isNamed('exim', 'blockedUsers')) return exim;
  const folder = dirname(exim.blockedUsers);
  const others = (['blockedSenders', 'blockedNetworks'] as const).filter(
    (name) => !isNamed('exim', name),
  );
  const placed = others.map((name) => [name, join(folder, basename(exim[name]))]);
  return { ...exim, ...Object.fromEntries(placed) };
}
