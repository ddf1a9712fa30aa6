/**
 * `postern audit`: holes of the mail server, each with its evidence and the change that closes it; with `--harden` and
 * `--rehearsal` what it still lacks, and what that would refuse. Changes nothing.
 */
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { type Audit, audit } from '../audit/audit.ts';
import { findingsText, isUnsound } from '../audit/finding.ts';
import { ownAddresses, type Target } from '../audit/probe.ts';
import { EXIT, type ExitStatus, PosternError } from '../base/errors.ts';
import { type Config, type ConfigChoice, DEFAULT_CONFIG_FILE, loadConfig } from '../config/load.ts';
import { canonicalIp } from '../model/address.ts';
import type { Mta } from '../model/event.ts';
import { parseServer } from '../probe/resolver.ts';
import { SETUP_MTAS } from '../setup/mtas.ts';
import { printHardening } from './audit-harden.ts';
import { printRehearsal } from './audit-rehearsal.ts';
import { type CommonOptions, type Io, jsonLine } from './io.ts';

interface AuditCommandOptions extends CommonOptions {
  /** folder of main.cf */
  readonly postfix?: string;
  /** configuration file */
  readonly exim?: string;
  readonly offline?: boolean;
  /** hosts to probe, as often as they were named */
  readonly probe?: readonly string[];
  /** HOST:PORT */
  readonly resolver?: string;
  /** print what is missing of the stringent set instead */
  readonly harden?: boolean;
  /** so that it refuses nothing yet */
  readonly rehearse?: boolean;
  /** print the outcome of that instead */
  readonly rehearsal?: boolean;
  readonly since?: string;
  readonly until?: string;
}

/** Exit status 0 when nothing is above advice, 1 for findings, 2 when nothing could be audited. */
export async function runAudit(options: AuditCommandOptions, io: Io): Promise<ExitStatus> {
  if (options.postfix !== undefined && options.exim !== undefined)
    throw new PosternError('usage', '--postfix and --exim: expected one of them, found both');
  checkModes(options);
  if (options.rehearsal === true) return await printRehearsal(options, io);
  const config = findConfig(options.config);
  const given = options.postfix ?? options.exim;
  const source = given === undefined ? undefined : resolve(given);
  const mta = await chooseMta(options, config);
  if (options.harden === true) return await printHardening(mta, { config, source }, options, io);
  const dns = options.offline === true ? 'offline' : { server: parseResolver(options.resolver) };
  const result = await audit({ mta, config, source, dns, target: chooseTarget(options.probe) });
  printNotes(result, io);
  if (result.failure !== undefined) {
    io.stderr(`postern: nothing was audited: ${result.failure}\n`);
    return EXIT.usage;
  }
  const { findings, accepted, notes } = result;
  io.stdout(
    options.format === 'json' ? jsonLine({ findings, notes }) : findingsText(findings, accepted),
  );
  return isUnsound(findings) ? EXIT.failed : EXIT.done;
}

/** Throws a PosternError (exit status 2) for options that belong to another mode. */
function checkModes({
  harden,
  rehearse,
  rehearsal,
  since,
  until,
  probe,
}: AuditCommandOptions): void {
  const fail = (text: string) => {
    throw new PosternError('usage', text);
  };
  if (harden === true && rehearsal === true)
    fail('--harden and --rehearsal: expected one of them, found both');
  if (rehearse === true && harden !== true)
    fail('--rehearse: expected together with --harden; what was rehearsed is shown by --rehearsal');
  if ((since ?? until) !== undefined && rehearsal !== true)
    fail('--since and --until: expected together with --rehearsal');
  if (probe !== undefined && (harden === true || rehearsal === true))
    fail('--probe: expected without --harden and --rehearsal');
}

/** The configuration, if there is one: the audit needs none. Throws a PosternError when it is wrong. */
function findConfig(path: ConfigChoice | undefined): Config | undefined {
  return path === undefined && !existsSync(DEFAULT_CONFIG_FILE) ? undefined : loadConfig(path);
}

/** What the options name, or the configuration, or the one that is installed. Throws a PosternError. */
async function chooseMta(
  { postfix, exim }: AuditCommandOptions,
  config: Config | undefined,
): Promise<Mta> {
  if (postfix !== undefined) return 'postfix';
  if (exim !== undefined) return 'exim';
  if (config !== undefined) return config.mta;
  const found = await Promise.all(Object.values(SETUP_MTAS).map((server) => server.find({})));
  const here = found.filter((each) => !('reason' in each));
  if (here.length === 1) return (here[0] as { mta: Mta }).mta;
  const which = found.map((each) => ('reason' in each ? each.reason : each.mta)).join('; ');
  throw new PosternError(
    'usage',
    `expected one mail server, found: ${which}. Name it: --postfix DIR or --exim FILE`,
  );
}

/** Throws a PosternError (exit status 2) for what is not the address of a resolver. */
function parseResolver(text: string | undefined): string | undefined {
  const server = text === undefined ? undefined : parseServer(text);
  if (text === undefined || server !== undefined) return server;
  throw new PosternError(
    'usage',
    `--resolver ${text}: expected an IP address with a port, such as 127.0.0.1:53`,
  );
}

/** `HOST`, `HOST:PORT`, `[IPV6]:PORT`; one that is not of this machine has to be named twice. Throws a PosternError. */
function chooseTarget(named: readonly string[] | undefined): Target | undefined {
  const [first] = named ?? [];
  if (named === undefined || first === undefined) return undefined;
  if (named.some((each) => each !== first))
    throw new PosternError('usage', '--probe: expected one host, found several');
  const bare = canonicalIp(first);
  const [, bracketed, plain = '', port = '25'] =
    /^(?:\[([^\]]+)\]|([\w.-]+))(?::(\d{1,5}))?$/.exec(first) ?? [];
  const host = bare ?? bracketed ?? plain;
  if (host === '' || Number(port) > 65_535)
    throw new PosternError('usage', `--probe ${first}: expected a host, with or without a port`);
  const isOwn =
    host === 'localhost' || ownAddresses().includes(canonicalIp(host) ?? '') || /^127\./.test(host);
  if (!isOwn && named.length < 2)
    throw new PosternError(
      'usage',
      `--probe ${first}: not an address of this machine. Only probe servers that are yours; if this one is, name it twice: --probe ${first} --probe ${first}`,
    );
  return { host, port: bare === undefined ? Number(port) : 25 };
}

function printNotes({ notes }: Audit, io: Io): void {
  for (const note of notes) io.stderr(`postern: ${note}\n`);
}
