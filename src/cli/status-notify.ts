/**
 * `postern status --notify`, for a timer: a mail when a service of Postern is down, each day while it is, and when it is
 * back. It is sent at once and not through the outbox, which nobody empties while the service is down.
 */
import { EXIT, type ExitStatus, getMessage, PosternError } from '../base/errors.ts';
import { escapeControls } from '../base/escape.ts';
import { DAY, systemClock } from '../base/time.ts';
import type { Config } from '../config/load.ts';
import { addressMails, compose } from '../notify/compose.ts';
import { loadStyle } from '../report/style.ts';
import { BesideFile } from '../store/beside.ts';
import type { Io } from './io.ts';

/** Sends what is news. `down`: what is down, one sentence each. Exit status 1 when a mail was not sent. */
export async function notifyOfDown(
  down: readonly string[],
  config: Config,
  io: Io,
): Promise<ExitStatus> {
  const beside = new BesideFile(config.database);
  const now = systemClock.now();
  const { told } = beside.read();
  const isSame = down.join('\n') === (told?.down ?? []).join('\n');
  const isRecent = told !== undefined && now >= told.time && now - told.time < DAY;
  if (isSame && (down.length === 0 || isRecent)) return EXIT.done;
  const status = await send(down, told?.down ?? [], config, io);
  if (status === EXIT.done)
    beside.change({ told: down.length === 0 ? undefined : { down, time: now } });
  return status;
}

async function send(
  down: readonly string[],
  before: readonly string[],
  config: Config,
  io: Io,
): Promise<ExitStatus> {
  const { from, to, transport } = findRecipients(config);
  const notice = await composeNotice(down, before, config);
  const { mailNotifier } = await import('../notify/mail.ts');
  const notifier = mailNotifier(transport, from);
  let status: ExitStatus = EXIT.done;
  for (const mail of addressMails(notice, { from, to, created: systemClock.now() })) {
    try {
      await notifier.send(mail);
      io.stdout(`Notice sent to ${mail.recipient}.\n`);
    } catch (error) {
      const reason = escapeControls(getMessage(error));
      io.stderr(`postern: the notice was not sent to ${mail.recipient}: ${reason}\n`);
      status = EXIT.failed;
    }
  }
  return status;
}

async function composeNotice(down: readonly string[], before: readonly string[], config: Config) {
  const style = await loadStyle(config, []);
  if (down.length === 0) {
    const section = { title: 'Back', rows: ['What was down runs again:', ...before] };
    return compose('runs again', [section], style);
  }
  const rows = ['While this is so, stolen accounts are not blocked.', ...down];
  const commands = ['systemctl status postern', 'journalctl -u postern -n 50', 'postern status'];
  return compose(
    'NOT running',
    [
      { title: 'What is down', rows },
      { title: 'What you can do', literal: true, rows: commands },
    ],
    style,
  );
}

/** Throws a PosternError (exit status 2) when the configuration names no recipient. */
function findRecipients({ file, notify }: Config) {
  if (notify !== undefined) return notify;
  const text = `${file}: notify: expected notify.to, found nothing: --notify needs a recipient`;
  throw new PosternError('configuration', text, { place: { file, key: 'notify' } });
}
