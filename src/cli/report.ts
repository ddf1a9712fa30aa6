/** `postern report`: a period as text or JSON; `--mail` sends it. */
import { randomUUID } from 'node:crypto';
import { EXIT, type ExitStatus, messageOf, PosternError } from '../base/errors.ts';
import { formatTime, systemClock } from '../base/time.ts';
import { type Config, loadConfig } from '../config.ts';
import { loadRules } from '../judge/rule.ts';
import { plainHtml } from '../notify/notice.ts';
import { gatherReport, reportJson, reportText } from '../report.ts';
import { Store } from '../store/store.ts';
import { type Io, jsonLine } from './io.ts';
import { timeOf } from './typed.ts';

export interface ReportOptions {
  readonly config?: string;
  readonly since?: string;
  readonly until?: string;
  readonly format?: 'text' | 'json';
  readonly mail?: boolean;
}

export async function runReport(options: ReportOptions, io: Io): Promise<ExitStatus> {
  const config = loadConfig(options.config);
  const since = timeOf('--since', options.since ?? '24h');
  const until =
    options.until === undefined ? systemClock.now() + 1 : timeOf('--until', options.until);
  if (since >= until) throw new PosternError('usage', '--since must lie before --until');
  const store = new Store(config.database, { readonly: true });
  try {
    const report = gatherReport(store, loadRules(config.rules), since, until);
    if (options.mail === true) return await mailReport(reportText(report), since, config, io);
    io.stdout(options.format === 'json' ? jsonLine(reportJson(report)) : reportText(report));
    return EXIT.done;
  } finally {
    store.close();
  }
}

async function mailReport(
  text: string,
  since: number,
  config: Config,
  io: Io,
): Promise<ExitStatus> {
  const { notify, report } = config;
  if (notify === undefined || report.to.length === 0) {
    throw new PosternError(
      'config',
      `${config.file}: notify: expected notify.to and notify.from, found none: --mail has nobody to write to`,
      {
        place: { file: config.file, key: 'notify' },
      },
    );
  }
  const messageId = `<${randomUUID()}@${notify.from.slice(notify.from.lastIndexOf('@') + 1)}>`;
  const subject = `[postern] report since ${formatTime(since).slice(0, 16)}Z`;
  const mail = {
    messageId,
    recipient: report.to.join(', '),
    subject,
    text,
    html: plainHtml(text),
    created: systemClock.now(),
  };
  const { mailNotifier } = await import('../notify/mail.ts');
  try {
    await mailNotifier(notify.transport, notify.from).send(mail);
  } catch (error) {
    io.stderr(`the report was not sent: ${messageOf(error)}\n`);
    return EXIT.failed;
  }
  io.stdout(`Report sent to ${report.to.join(', ')}.\n`);
  return EXIT.done;
}
