/**
 * `postern password-changed`: an account system reports that a password was changed. Blocks of that account whose rule
 * says `ends-with: password-changed` end, unless the owner changed it alone: whoever has stolen a password can do that.
 */
import { EXIT, type ExitStatus, PosternError } from '../base/errors.ts';
import { systemClock } from '../base/time.ts';
import { type Config, loadConfig } from '../config/load.ts';
import { loadRules } from '../judge/rule.ts';
import { formatIdentity } from '../model/identity.ts';
import { buildCanonicalLogin } from '../model/login.ts';
import type { StoredBlock } from '../store/stored-block.ts';
import { listForms } from './account-forms.ts';
import { BlockChange } from './block-change.ts';
import { withStore } from './database.ts';
import { type CommonOptions, type Io, jsonLine } from './io.ts';
import { parseTypedBlockable } from './typed.ts';

export interface PasswordOptions extends CommonOptions {
  /** who changed it */
  readonly by: string;
}

/** What an account system writes for the person itself. */
const OWNER = 'owner';
/** A name on one line. */
const NAME = /^[^\x00-\x1f\x7f-\x9f\u2028\u2029]{1,100}$/;

/** Exit status 1 when a block stays, or is still in force. */
export async function runPasswordChanged(
  identity: string,
  options: PasswordOptions,
  io: Io,
): Promise<ExitStatus> {
  const by = options.by.trim();
  if (!NAME.test(by))
    throw new PosternError('usage', '--by: expected a name of at most 100 characters');
  const config = loadConfig(options.config);
  const key = parseTypedBlockable(identity, config.logins);
  if (key.type !== 'user' && key.type !== 'uid')
    throw new PosternError(
      'usage',
      `${identity}: expected a login or uid:NAME, which has a password`,
    );
  const keys = await listForms(key, config);
  return withStore(config, async (store) => {
    const change = new BlockChange(store, config, options, io);
    const block = keys.flatMap((one) => store.blocks.running(one) ?? [])[0];
    if (block === undefined) {
      if (options.format === 'json') io.stdout(jsonLine({ key }));
      change.say(`${formatIdentity(key)} is not blocked, nothing to do.`);
      return EXIT.done;
    }
    const why = findReasonToStay(block, by, config);
    if (why !== undefined) {
      io.stderr(`${formatIdentity(key)} stays blocked (block ${block.id}): ${why}\n`);
      return EXIT.failed;
    }
    const now = systemClock.now();
    store.commit(() => store.blocks.releaseForPassword(block.id, now, by, store.events.newest()));
    return await change.end(block);
  });
}

/** Why a change of the password by `by` does not end the block; undefined if it does. */
function findReasonToStay(
  { cause, key }: StoredBlock,
  by: string,
  config: Config,
): string | undefined {
  if (isOwner(by, key.id, config))
    return 'the owner changed the password alone, which whoever stole it can do as well; postern unblock ends it';
  const rule = loadRules(config.rules).find(({ name }) => name === cause);
  if (rule?.endsWith === 'password-changed') return undefined;
  return rule === undefined
    ? 'it was not begun by a rule; postern unblock ends it'
    : `the rule ${cause} does not say ends-with: password-changed; postern unblock ends it`;
}

/** The account itself in any spelling, also without its domain. */
function isOwner(by: string, id: string, { logins }: Config): boolean {
  const name = by.toLowerCase();
  const person = (login: string) => buildCanonicalLogin(logins)?.(login) ?? login;
  return name === OWNER || person(name) === person(id) || name === id.split('@', 1)[0];
}
