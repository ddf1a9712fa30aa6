/** `mynetworks` of a running Postfix, in main.cf and in every smtpd of master.cf, with the files that it names. */
import { readFileSync } from 'node:fs';
import { type NoAnswer, networksIn, type RelayNetworks } from '../installation.ts';
import { ask, describeFailure } from '../programs.ts';
import { postfixSettings } from './find.ts';
import { splitWords } from './restriction-list.ts';
import { smtpdServices } from './services.ts';

const SETTING = 'mynetworks';

export async function findPostfixNetworks(
  postconf: readonly string[],
): Promise<RelayNetworks | NoAnswer> {
  const version = await ask([...postconf, '-h', 'mail_version']);
  const failure = describeFailure(postconf, version);
  if (failure !== undefined) return { failure };
  const main = await postfixSettings(postconf, [SETTING]);
  const own = main.get(SETTING);
  if (own === undefined) return { failure: `${postconf.join(' ')} prints no ${SETTING}` };
  const services = await smtpdServices(postconf, main);
  const overridden = services
    .filter((service) => service.overrides(SETTING))
    .map((service) => service.setting(SETTING));
  const found = [own, ...overridden].flatMap(splitWords).flatMap(expand);
  return { ...networksIn([...new Set(found)]), setting: SETTING };
}

/** A word of mynetworks as networks: it may name a file with such a list, or a CIDR table, in which every network that is found counts. */
export function expand(word: string): string[] {
  const table = /^(?:proxy:)?cidr:(\/.*)$/.exec(word)?.[1];
  const file = table ?? (word.startsWith('/') ? word : undefined);
  if (file === undefined) return [word];
  try {
    const lines = readFileSync(file, 'utf8').split('\n');
    const kept = lines.filter((line) => !line.startsWith('#') && line.trim() !== '');
    if (table === undefined) return kept.flatMap(splitWords);
    return kept.flatMap((line) => splitWords(line).slice(0, 1));
  } catch {
    return [word];
  }
}
