/** From the options as the file has them to those that the program uses: absolute paths, defaults of the host. */

import { hostname } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { dropUndefined } from '../base/defined.ts';
import {
  type ListenAddress,
  parseListenAddress,
  parseMilterAddress,
} from '../base/listen-address.ts';
import { packagePath } from '../base/package.ts';
import { findZoneName, HOST_ZONE } from '../base/time.ts';
import type { Hours } from '../judge/hours.ts';
import type { Override } from '../judge/overrides.ts';
import type { Mta } from '../model/event.ts';
import type { MailRoute } from '../notify/mail.ts';
import type {
  Config,
  MilterConfig,
  NotifyConfig,
  PolicyConfig,
  PostfixTargets,
  ReturnPathConfig,
  ShareConfig,
} from './config.ts';
import { resolveHook } from './hooks.ts';
import { resolveJournal } from './journal.ts';
import { numberDays, type RawOverride, readOverrideKey } from './limits-schema.ts';
import { resolveListings } from './listings.ts';
import { resolveMetrics } from './metrics.ts';
import { resolveRecipients } from './milter-recipients.ts';
import { CONFIG_MTAS } from './mtas.ts';
import type { RawConfig } from './schema.ts';
import { type EngineAddress, parseEngineUrl } from './share-schema.ts';
import { resolveWeb } from './web.ts';

/** The folder of the shipped rules. */
export const SHIPPED_RULES = packagePath('rules');

/** Relative paths start at the folder of `file`, which is absolute. */
export function resolveConfig(raw: RawConfig, file: string): Config {
  const at = (path: string) => resolve(dirname(file), path);
  const logs = raw.logs ?? [CONFIG_MTAS[raw.mta].log];
  const files = logs.filter((log) => typeof log === 'string');
  const notify = raw.notify === undefined ? undefined : resolveNotify(raw.notify, at);
  return dropUndefined({
    file,
    mta: raw.mta,
    logs: [...new Set(files.map(at))],
    zone: raw.zone ?? HOST_ZONE,
    journals: logs.flatMap((log) =>
      typeof log === 'string' ? [] : [resolveJournal(log.journal, raw.mta, at)],
    ),
    host: raw.host,
    syslogNames: raw.syslogNames,
    logHosts: raw.logHosts,
    startAt: raw.startAt,
    database: at(raw.database),
    rules: raw.rules === undefined ? SHIPPED_RULES : at(raw.rules),
    preset: raw.preset,
    hours: raw.hours === undefined ? undefined : resolveHours(raw.hours),
    overrides: resolveOverrides(raw.overrides, file, at),
    mode: raw.mode,
    enforcer: raw.enforcer,
    retention: raw.retention,
    trustedNetworks: raw.trustedNetworks,
    logins: {
      defaultDomain: raw.logins.defaultDomain?.toLowerCase(),
      cut: raw.logins.cut,
      extension: raw.logins.extension ?? '',
    },
    leases: raw.leases.map((source) => ({ ...source, file: at(source.file) })),
    allow: { ...raw.allow, users: raw.allow.users.map((user) => user.toLowerCase()) },
    exceptions: at(raw.exceptions ?? join(dirname(at(raw.database)), 'exceptions')),
    privacy: dropUndefined(raw.privacy),
    caps: raw.caps,
    targets: {
      postfix: resolvePostfix(raw.targets.postfix, at),
      exim: {
        blockedUsers: at(raw.targets.exim.blockedUsers),
        blockedSenders: at(raw.targets.exim.blockedSenders),
        blockedNetworks: at(raw.targets.exim.blockedNetworks),
      },
    },
    complaints: raw.complaints && { folder: at(raw.complaints.folder) },
    policy: raw.policy === undefined ? undefined : resolvePolicy(raw.policy, raw.mta),
    milter: raw.milter === undefined ? undefined : resolveMilter(raw, raw.milter, at),
    queue: raw.queue,
    commands: resolveCommands(raw),
    notify,
    blind: raw.blind,
    metrics: raw.metrics === undefined ? undefined : resolveMetrics(raw.metrics),
    hooks: raw.hooks.map((hook) => resolveHook(hook, at)),
    share: raw.share === undefined ? undefined : resolveShare(raw.share, at),
    report: { to: raw.report.to ?? notify?.to ?? [] },
    listings: raw.listings === undefined ? undefined : resolveListings(raw.listings, at),
    audit: raw.audit,
    web: raw.web === undefined ? undefined : resolveWeb(raw.web, at),
    logLevel: raw.logLevel,
  });
}

type At = (path: string) => string;

function resolveHours({ zone, night, weekend }: NonNullable<RawConfig['hours']>): Hours {
  return {
    zone: findZoneName(zone ?? HOST_ZONE),
    night,
    weekend: weekend && { ...weekend, days: numberDays(weekend.days) },
  };
}

function resolveOverrides(raw: readonly RawOverride[], file: string, at: At): Config['overrides'] {
  const files = raw.flatMap((each) => (each.file === undefined ? [] : [at(each.file)]));
  const entries = raw.flatMap((each, index): Override[] => {
    const key = readOverrideKey(each);
    if (key === undefined) return [];
    const { rule, limit = 'exempt', period, why } = each;
    return [{ key, rule, limit, period, why, place: `${file}: overrides[${index + 1}]` }];
  });
  return { entries, files };
}

function resolvePostfix(raw: RawConfig['targets']['postfix'], at: At): PostfixTargets {
  const { user, client, sender, uid, postmap, reload } = raw;
  return dropUndefined({
    user: user === undefined ? undefined : resolveMap(user, at),
    client: client === undefined ? undefined : resolveMap(client, at),
    sender: sender === undefined ? undefined : resolveMap(sender, at),
    uid: uid === undefined ? undefined : resolveMap(uid, at),
    postmap: addInstance(reload, postmap),
    reload,
  });
}

/** Commands of Postfix act on the instance that the reload command names: `postfix -c DIR reload`. */
function addInstance(reload: readonly string[], command: readonly string[]): readonly string[] {
  const at = reload.indexOf('-c');
  const folder = at < 0 ? undefined : reload[at + 1];
  return folder === undefined || command.includes('-c') ? command : [...command, '-c', folder];
}

function resolveCommands({ commands, targets }: RawConfig): Config['commands'] {
  const { exim, journalctl, ...postfix } = commands;
  const { reload } = targets.postfix;
  return {
    exim,
    journalctl,
    postsuper: addInstance(reload, postfix.postsuper),
    postqueue: addInstance(reload, postfix.postqueue),
    postcat: addInstance(reload, postfix.postcat),
    postconf: addInstance(reload, postfix.postconf),
  };
}

/** The text of a refusal, and of a hold; RFC 3463 3.8: 5.7.1 is "delivery not authorized". */
export const ACTION_TEXTS = {
  HOLD: 'blocked by postern',
  REJECT: '5.7.1 Sending is blocked for this account, please contact your postmaster',
} as const;

function resolveMap<
  T extends { file: string; action: 'HOLD' | 'REJECT'; text?: string | undefined },
>(raw: T, at: At): T & { text: string } {
  return { ...raw, file: at(raw.file), text: raw.text ?? ACTION_TEXTS[raw.action] };
}

function resolvePolicy(raw: NonNullable<RawConfig['policy']>, mta: Mta): PolicyConfig {
  const { listen, group } = raw;
  const given = listen === undefined ? undefined : parseListenAddress(listen);
  return dropUndefined({
    listen: given ?? { kind: 'unix', path: CONFIG_MTAS[mta].policySocket },
    group,
  });
}

function resolveMilter(
  { trustedNetworks }: RawConfig,
  raw: NonNullable<RawConfig['milter']>,
  at: At,
): MilterConfig {
  const { listen, owner, group, permissions, state, metrics, recipients, returnPath } = raw;
  return dropUndefined({
    listen: listen.map((address) => parseMilterAddress(address) as ListenAddress),
    access: { owner, group, mode: Number.parseInt(permissions, 8) },
    state: at(state),
    metrics: metrics === undefined ? undefined : resolveMetrics(metrics),
    recipients: recipients === undefined ? undefined : resolveRecipients(recipients, at),
    returnPath:
      returnPath === undefined ? undefined : resolveReturnPath(returnPath, trustedNetworks, at),
  });
}

function resolveReturnPath(
  raw: NonNullable<NonNullable<RawConfig['milter']>['returnPath']>,
  trustedNetworks: readonly string[] | undefined,
  at: At,
): ReturnPathConfig {
  return {
    ...raw,
    domains: raw.domains.map((domain) => domain.toLowerCase()),
    networks: raw.networks ?? ['127.0.0.0/8', '::1', ...(trustedNetworks ?? [])],
    keys: at(raw.keys),
    record: at(raw.record),
  };
}

function resolveNotify(raw: NonNullable<RawConfig['notify']>, at: At): NotifyConfig {
  return {
    to: raw.to,
    from: raw.from ?? `postern@${hostname()}`,
    transport: resolveTransport(raw, at),
    digest: raw.digest,
  };
}

function resolveShare(raw: NonNullable<RawConfig['share']>, at: At): ShareConfig {
  const { url, host, user, passwordFile, caFile } = raw;
  return dropUndefined({
    url,
    address: parseEngineUrl(url) as EngineAddress,
    host: host ?? hostname(),
    user,
    passwordFile: passwordFile === undefined ? undefined : at(passwordFile),
    caFile: caFile === undefined ? undefined : at(caFile),
  });
}

function resolveTransport(raw: NonNullable<RawConfig['notify']>, at: At): MailRoute {
  if (raw.smtp === undefined)
    return { kind: 'sendmail', path: at(raw.sendmail ?? '/usr/sbin/sendmail') };
  const { user, passwordFile, ...server } = raw.smtp;
  return dropUndefined({
    kind: 'smtp' as const,
    ...server,
    user,
    passwordFile: passwordFile === undefined ? undefined : at(passwordFile),
  });
}
