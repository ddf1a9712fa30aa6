/** From the configuration to the options of the interpreter. */
import { dropUndefined } from '../base/defined.ts';
import { buildFindPerson } from '../config/leases.ts';
import type { Config } from '../config/load.ts';
import { networkSet } from '../model/address.ts';
import { buildCanonicalLogin } from '../model/login.ts';
import type { InterpreterOptions } from './interpreter.ts';
import type { LogSettings } from './mtas.ts';

/** Networks that the mail server lists, for a configuration without its own. */
export interface ListedNetworks {
  readonly networks: readonly string[];
  /** it has more that could not be read */
  readonly isPartial: boolean;
}

/** What the mail server itself answered, as far as it did. */
export interface AskedSettings {
  readonly listed?: ListedNetworks;
  readonly logSettings?: LogSettings;
}

export function buildInterpreterOptions(
  config: Config,
  { listed, logSettings }: AskedSettings = {},
): InterpreterOptions {
  const { mta, zone, host, trustedNetworks, notify, report, syslogNames, logHosts } = config;
  const trusted = trustedNetworks ?? listed?.networks;
  return dropUndefined({
    mta,
    zone,
    host,
    logSettings,
    syslogNames: syslogNames && new Set(syslogNames),
    logHosts: logHosts && new Set(logHosts),
    canonicalLogin: buildCanonicalLogin(config.logins),
    findPerson: buildFindPerson(config),
    trusted: trusted === undefined ? undefined : networkSet(trusted),
    trustedIsPartial: trustedNetworks === undefined && listed?.isPartial === true,
    // Mail from this sender to anybody else is not one of our notices.
    notices:
      notify === undefined
        ? undefined
        : { sender: notify.from, recipients: [...notify.to, ...(report.to ?? [])] },
  });
}
