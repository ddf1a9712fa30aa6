/**
 * Who held, released or deleted whose queued mail: noted in the database, for `postern explain`. Root writes it by
 * another process that runs as the owner of the database.
 */
import { EXIT, type ExitStatus, getMessage, PosternError } from '../base/errors.ts';
import { counted } from '../base/text.ts';
import type { Config } from '../config/load.ts';
import type { QueueAction } from '../enforce/queue/queue.ts';
import type { Key } from '../model/block.ts';
import { formatWord } from '../model/identity.ts';
import { runAsOwner } from './as-owner.ts';
import { databaseOwner, withStore } from './database.ts';
import type { Io } from './io.ts';
import { noteAction } from './operator.ts';

/** What somebody did with the mail of one submitter or sender. */
interface QueueDeed {
  /** ms */
  readonly time: number;
  readonly who: string;
  readonly what: string;
  readonly key: Key;
  readonly done: boolean;
}

/** A message that was acted on, and whether the mail server did it. */
export interface ActedOn {
  /** whose it is; undefined: nobody knows */
  readonly key: Key | undefined;
  readonly done: boolean;
}

const VERBS: Readonly<Record<QueueAction, string>> = {
  hold: 'hold',
  release: 'release',
  remove: 'delete',
};

/** One deed for each submitter who is known. */
export function buildQueueDeeds(
  action: QueueAction,
  messages: readonly ActedOn[],
  { time, who }: Pick<QueueDeed, 'time' | 'who'>,
): QueueDeed[] {
  const byKey = new Map<string, { key: Key; messages: ActedOn[] }>();
  for (const message of messages) {
    const { key } = message;
    if (key === undefined) continue;
    const all = byKey.get(formatWord(key)) ?? { key, messages: [] };
    byKey.set(formatWord(key), all);
    all.messages.push(message);
  }
  return [...byKey.values()].map(({ key, messages: all }) => ({
    time,
    who,
    key,
    ...describeDeed(action, all),
  }));
}

/** What was done, or what was tried if nothing was. */
export function describeDeed(
  action: QueueAction,
  messages: readonly Pick<ActedOn, 'done'>[],
): Pick<QueueDeed, 'what' | 'done'> {
  const done = messages.filter((one) => one.done).length;
  const what = `${VERBS[action]} ${counted(done || messages.length, 'queued message')}`;
  return { what, done: done > 0 };
}

/** Notes them. The mail server has acted already, so a failure is only printed. */
export async function noteQueueDeeds(
  config: Config,
  deeds: readonly QueueDeed[],
  io: Io,
): Promise<void> {
  if (deeds.length === 0) return;
  try {
    const owner = databaseOwner(config.database);
    const texts = deeds.map((deed) => JSON.stringify(deed));
    if (owner === undefined) await write(config, deeds);
    else await runAsOwner(owner, config, ['queue', '--note'], texts);
  } catch (error) {
    if (error instanceof PosternError && error.code === 'database-missing') return;
    io.stderr(`postern: it is not noted who did it: ${getMessage(error)}\n`);
  }
}

/** `postern queue --note`: writes what the other process did. */
export async function runNote(config: Config, texts: readonly string[]): Promise<ExitStatus> {
  await write(
    config,
    texts.map((text) => JSON.parse(text) as QueueDeed),
  );
  return EXIT.done;
}

async function write(config: Config, deeds: readonly QueueDeed[]): Promise<void> {
  await withStore(config, async (store) =>
    store.commit(() => {
      for (const deed of deeds) noteAction(store, deed);
    }),
  );
}
