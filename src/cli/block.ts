/** `postern block`: begins a block by hand. */
import { type ExitStatus, PosternError } from '../base/errors.ts';
import { systemClock } from '../base/time.ts';
import { type Config, loadConfig } from '../config/load.ts';
import { CONFIG_MTAS } from '../config/mtas.ts';
import { buildBlockPolicy } from '../daemon/block-policy.ts';
import { findMissingTarget } from '../daemon/in-force.ts';
import { findUids } from '../enforce/accounts.ts';
import { type BlockPolicy, chooseWidth, findUnblockableReason } from '../enforce/decide.ts';
import { getTargetKind } from '../enforce/target.ts';
import type { Block } from '../model/block.ts';
import type { Store } from '../store/store.ts';
import type { StoredBlock } from '../store/stored-block.ts';
import { assertAccount, listForms } from './account-forms.ts';
import { BlockChange, findNumbered } from './block-change.ts';
import { blockedText } from './block-text.ts';
import { withStore } from './database.ts';
import { findAllowance } from './exemptions.ts';
import type { CommonOptions, Io } from './io.ts';
import { findOperator, noteAction } from './operator.ts';
import { parseLength, parseTypedBlockable } from './typed.ts';

interface BlockOptions extends CommonOptions {
  readonly for?: string;
  readonly note?: string;
}

/** Exit status 1 when it cannot be blocked, or is not in force afterwards. */
export async function runBlock(
  identity: string,
  options: BlockOptions,
  io: Io,
): Promise<ExitStatus> {
  const config = loadConfig(options.config);
  const typed = parseTypedBlockable(identity, config.logins);
  const duration = parseLength(options.for);
  const forms = await listForms(typed, config);
  const policy = await loadPolicy(typed, config);
  for (const key of forms) assertBlockable(identity, key, config, policy);
  assertAccount(identity, forms);
  const [named] = forms;
  const key = identity.includes('/') ? named : chooseWidth(named, policy);
  return withStore(config, async (store) => {
    assertNoBlockNumber(identity, store);
    const change = new BlockChange(store, config, options, io);
    const running = findRunningBlock(forms, store);
    if (running !== undefined) {
      if (options.for !== undefined || options.note !== undefined)
        change.say('The running block is not changed; to change it, unblock first.');
      return await change.begin(running, 'is already');
    }
    const start = systemClock.now();
    const end = duration === undefined ? undefined : start + duration;
    const who = await findOperator(io);
    const block = store.commit(() => {
      const begun = store.blocks.start({ key, cause: 'manual', start, end, note: options.note });
      if (begun !== undefined)
        noteAction(store, { time: start, who, what: 'block', key, block: begun });
      return begun;
    });
    if (named !== key) change.say(describeWidth(named, key));
    const namesake = await describeNamesake(named, config);
    if (namesake !== undefined) change.say(namesake);
    return await change.begin(block ?? (store.blocks.running(key) as StoredBlock), 'is');
  });
}

/** What may be blocked. The mail server is asked only about clients: about its networks, and whether it looks them up. */
async function loadPolicy(key: Block['key'], config: Config): Promise<BlockPolicy> {
  if (key.type !== 'client') return buildBlockPolicy(config);
  const { findNetworks, findNoNetworks } = await import('../setup/networks.ts');
  const [answer, noNetworks] = [await findNetworks(config), await findNoNetworks(config)];
  const relayNetworks = 'failure' in answer ? undefined : answer.networks;
  return buildBlockPolicy(config, { relayNetworks, noNetworks });
}

/** The block that runs for one of the forms, or for a network around it. */
function findRunningBlock(forms: readonly Block['key'][], store: Store): StoredBlock | undefined {
  return forms.map((key) => store.blocks.runningOver(key)).find((block) => block !== undefined);
}

function describeWidth({ id }: Block['key'], { id: network }: Block['key']): string {
  return `Of IPv6 the whole ${network} is blocked, since a machine can use any of its addresses; for one address: ${id}/128`;
}

/** Whether a login is blocked with the local account of that name or without it; undefined if there is none. */
async function describeNamesake(
  { type, id }: Block['key'],
  { mta }: Config,
): Promise<string | undefined> {
  // A local account has no domain.
  if (type !== 'user' || id.includes('@') || !(await findUids([id])).has(id)) return undefined;
  return CONFIG_MTAS[mta].oneNamespace
    ? `This blocks the login ${id} and the local account of that name: Exim looks up both in one file.`
    : `This blocks the login ${id}. The local account of that name is not blocked by it: it is uid:${id}.`;
}

/** Throws a PosternError (exit status 1) for an identity that is never blocked, or has no target. */
function assertBlockable(
  identity: string,
  key: Block['key'],
  config: Config,
  policy: BlockPolicy,
): void {
  const kind = getTargetKind(key);
  const refused =
    findPattern(identity) ??
    findUnblockableReason(key, policy) ??
    findAllowance(key, config) ??
    policy.allow.reason(key) ??
    findMissingTarget(config, kind) ??
    (kind === 'network' ? policy.noNetworks : undefined);
  if (refused === undefined) return;
  throw new PosternError('environment', `${identity} cannot be blocked: ${refused}`, {
    code: 'not-blockable',
  });
}

/** With a prefix, `*@example.org` is a name like any other, and whoever types it means all names. */
function findPattern(typed: string): string | undefined {
  return /^(?:user|sender):\*@/i.test(typed)
    ? 'patterns and whole domains cannot be blocked'
    : undefined;
}

/** Throws a PosternError (exit status 2) for the number of a block where a login is expected. */
function assertNoBlockNumber(typed: string, store: Store): void {
  const block = findNumbered(typed, store);
  if (block === undefined) return;
  throw new PosternError(
    'usage',
    `${typed} is the number of a block (of ${blockedText(block)}); for the login: postern block user:${typed}`,
  );
}
