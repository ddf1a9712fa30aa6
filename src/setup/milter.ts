/** Whether `postern milter` can be reached, and whether the mail server asks it. Findings of `postern check`. */
import { constants, existsSync } from 'node:fs';
import { dirname } from 'node:path';
import { formatListenAddress, type ListenAddress } from '../base/listen-address.ts';
import type { Config, MilterConfig } from '../config/load.ts';
import { readMilterState } from '../daemon/milter/state.ts';
import { probeMilter } from '../milter/probe.ts';
import { isLoopbackAddress } from '../model/address.ts';
import { denied } from './access.ts';
import { type Finding, ok, warning, wrong } from './finding.ts';
import type { InstallationOptions } from './mail-server.ts';
import { SETUP_MTAS } from './mtas.ts';
import { checkReturnPath } from './return-path.ts';
import { checkSendmailMilter, SENDMAIL_CONFIG } from './sendmail/milter.ts';

/** Which mail server is meant, if not the usual one. */
export interface MilterCheckOptions extends InstallationOptions {
  /** sendmail.cf */
  readonly sendmailConfig?: string;
}

/** Nothing if the configuration has no milter. */
export async function checkMilter(config: Config, options: MilterCheckOptions): Promise<Finding[]> {
  const { milter } = config;
  if (milter === undefined) return [];
  const places = await Promise.all(milter.listen.map((address) => checkPlace(address, milter)));
  const returnPath = milter.returnPath === undefined ? [] : checkReturnPath(milter.returnPath);
  const [recipients, wiring] = await Promise.all([
    checkRecipients(config, milter),
    checkWiring(config, milter, options),
  ]);
  return [...places.flat(), ...recipients, ...returnPath, ...wiring];
}

async function checkPlace(address: ListenAddress, milter: MilterConfig): Promise<Finding[]> {
  const place = `milter.listen: ${formatListenAddress(address)}`;
  const why = await probeMilter(address);
  const findings = checkReach(address, place);
  if (why === undefined) return [ok('milter', `${place} answers`), ...findings];
  const folder = address.kind === 'unix' ? checkFolder(address.path, milter) : undefined;
  if (folder !== undefined) return [folder, ...findings];
  const isRunning = readMilterState(milter.state) !== undefined;
  const fix = isRunning ? 'look into its log' : 'systemctl enable --now postern-milter';
  return [(isRunning ? wrong : warning)('milter', `${place} ${why}`, fix), ...findings];
}

/** The protocol has no password. */
function checkReach(address: ListenAddress, place: string): Finding[] {
  if (address.kind === 'unix' || address.host === 'localhost') return [];
  if (isLoopbackAddress(address.host)) return [];
  const text = `${place} can be used by every machine that reaches it`;
  return [warning('milter', text, 'let the firewall admit your mail servers only')];
}

function checkFolder(path: string, { access }: MilterConfig): Finding | undefined {
  const folder = dirname(path);
  if (existsSync(folder)) {
    const reason = denied(folder, constants.W_OK | constants.X_OK);
    if (reason === undefined) return undefined;
    const fix = 'run this as the account of the milter, or give it the folder';
    return warning('milter', `milter.listen: the folder ${folder} ${reason}`, fix);
  }
  const group = access.group ?? 'postfix';
  const fix = `install -d -o postern-milter -g ${group} -m 2750 ${folder}`;
  return wrong('milter', `milter.listen: the folder ${folder} does not exist`, fix);
}

/** What this takes is loaded only where recipients are verified. */
async function checkRecipients(config: Config, milter: MilterConfig): Promise<Finding[]> {
  if (milter.recipients === undefined) return [];
  return await (await import('./recipients.ts')).checkRecipients(config);
}

/** Sendmail, if its configuration is here; and the mail server of the configuration, unless Sendmail is the one. */
async function checkWiring(
  config: Config,
  milter: MilterConfig,
  options: MilterCheckOptions,
): Promise<Finding[]> {
  const { sendmailConfig = SENDMAIL_CONFIG } = options;
  const isSendmail = options.sendmailConfig !== undefined || existsSync(sendmailConfig);
  const findings = isSendmail ? checkSendmailMilter(sendmailConfig, milter) : [];
  if (findings.some(({ level }) => level === 'ok')) return findings;
  const others = await SETUP_MTAS[config.mta].checkMilter(milter, config, options);
  return others.some(({ level }) => level === 'ok') ? others : [...findings, ...others];
}
