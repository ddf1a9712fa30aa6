/**
 * From which addresses Postfix's SMTP client sends: smtp_bind_address and smtp_bind_address6 in main.cf and in master.cf,
 * or an inet_interfaces that has one address of a family (postconf(5), smtp_bind_address). And its names.
 */
import type { SendsAs } from '../../daemon/own-addresses.ts';
import { canonicalIp, isLoopbackAddress } from '../../model/address.ts';
import { isDomain } from '../installation.ts';
import { ask, settingsIn } from '../programs.ts';
import { findOrigin, postfixSettings } from './find.ts';
import { splitWords } from './restriction-list.ts';

const BOUND = ['smtp_bind_address', 'smtp_bind_address6'] as const;

export async function findPostfixSendsAs(postconf: readonly string[]): Promise<SendsAs> {
  const [main, master] = await Promise.all([
    postfixSettings(postconf, [...BOUND, 'inet_interfaces', 'myhostname', 'myorigin']),
    ask([...postconf, '-x', '-P']),
  ]);
  const own = [...settingsIn(master.stdout)].flatMap(([name, value]) =>
    BOUND.some((setting) => name.endsWith(`/${setting}`)) ? [value] : [],
  );
  const bound = [...BOUND.map((name) => main.get(name) ?? ''), ...own].flatMap(readAddress);
  const names = [main.get('myhostname') ?? '', findOrigin(main.get('myorigin') ?? '') ?? ''];
  const addresses = [...new Set([...bound, ...onlyInterfaces(main.get('inet_interfaces') ?? '')])];
  return {
    addresses,
    names: [...new Set(names.map((name) => name.toLowerCase()))].filter(isDomain),
  };
}

/** With one address of a family, mail is sent from it, unless that is loopback. */
function onlyInterfaces(inetInterfaces: string): string[] {
  const addresses = splitWords(inetInterfaces).flatMap(readAddress);
  return [true, false].flatMap((isIp6) => {
    const family = addresses.filter((address) => address.includes(':') === isIp6);
    return family.length === 1 ? family.filter((address) => !isLoopbackAddress(address)) : [];
  });
}

function readAddress(text: string): string[] {
  const address = canonicalIp(text.trim().replace(/^\[(.*)\]$/, '$1'));
  return address === undefined || address === '0.0.0.0' || address === '::' ? [] : [address];
}
