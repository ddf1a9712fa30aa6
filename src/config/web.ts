/** The section `web`, resolved and checked as a whole. Pure. */
import { dropUndefined } from '../base/defined.ts';
import {
  type ListenAddress,
  parseListenAddress,
  parseMilterAddress,
} from '../base/listen-address.ts';
import { canonicalIp } from '../model/address.ts';
import type { RawWeb } from './web-schema.ts';

/** The operator's page. */
export interface WebConfig {
  readonly listen: ListenAddress;
  /** that may connect to the unix socket; absent: that of the process */
  readonly group?: string;
  /** `https://postern.example.net`; absent: this host itself */
  readonly origin?: string;
  /** file, absolute */
  readonly users: string;
  /** ms */
  readonly session: number;
  /** absent: no header names a user */
  readonly proxy?: {
    /** lower case */
    readonly userHeader: string;
    /** canonical addresses that may send it, beside the unix socket */
    readonly from: readonly string[];
  };
}

/** `at` makes a path absolute. */
export function resolveWeb(raw: RawWeb, at: (path: string) => string): WebConfig {
  const { listen, group, origin, users, session, proxy } = raw;
  return dropUndefined({
    listen: parseMilterAddress(listen) as ListenAddress,
    group,
    origin,
    users: at(users),
    session,
    proxy: proxy && {
      userHeader: proxy.userHeader.toLowerCase(),
      from: proxy.from.map((address) => canonicalIp(address) as string),
    },
  });
}

/** What no single option shows: the path of the option, and what was expected. */
export function findWebContradictions(raw: RawWeb): [string[], string][] {
  const found: [string[], string][] = [];
  const isLocal = parseListenAddress(raw.listen) !== undefined;
  if (!isLocal && !raw.anyAddress)
    found.push([
      ['listen'],
      'expected unix:PATH or a loopback address; for one that other hosts can reach, add anyAddress: true',
    ]);
  if (!isLocal && raw.anyAddress && raw.origin === undefined)
    found.push([['listen'], 'expected origin beside an address that other hosts can reach']);
  const loopback = raw.proxy?.from.find((address) =>
    /^(?:127\.|::1$)/.test(canonicalIp(address) ?? ''),
  );
  if (loopback !== undefined)
    found.push([
      ['proxy', 'from'],
      `expected no loopback address, found ${loopback}: each account of this host could name itself anybody; use listen: unix:PATH`,
    ]);
  return found;
}
