/** `postern report`: a period as text, JSON or HTML. With `--mail` it is sent instead, as text and HTML. */

import { EXIT, type ExitStatus, getMessage, PosternError } from '../base/errors.ts';
import { escapeControls } from '../base/escape.ts';
import { formatTime, systemClock } from '../base/time.ts';
import { type Config, loadConfig } from '../config/load.ts';
import { withCanonicalUsers } from '../judge/exceptions.ts';
import { loadRules } from '../judge/rule.ts';
import { buildCanonicalLogin } from '../model/login.ts';
import { addressMails } from '../notify/compose.ts';
import { reportToHtml } from '../report/html.ts';
import { reportToJson } from '../report/json.ts';
import { gatherReport, type Report } from '../report/period.ts';
import { reportToText } from '../report/text.ts';
import { Store } from '../store/store.ts';
import { type CommonOptions, type Io, jsonLine } from './io.ts';
import { parsePeriod } from './typed.ts';

interface ReportOptions extends Omit<CommonOptions, 'format'> {
  readonly since?: string;
  readonly until?: string;
  readonly format?: 'text' | 'json' | 'html';
  readonly mail?: boolean;
}

/** Exit status 1 when a mail was not sent. */
export async function runReport(options: ReportOptions, io: Io): Promise<ExitStatus> {
  const config = loadConfig(options.config);
  const now = systemClock.now() + 1;
  const typed = { since: options.since ?? '24h', until: options.until };
  const { since = now, until = now } = parsePeriod(typed, config.zone);
  if (since >= until) throw new PosternError('usage', '--since must be before now');
  const store = new Store(config.database, { readonly: true });
  try {
    const rules = withCanonicalUsers(loadRules(config.rules), buildCanonicalLogin(config.logins));
    const report = gatherReport(store, rules, since, until);
    if (options.mail === true) return await mailReport(report, config, io);
    io.stdout(shown(report, options.format));
    return EXIT.done;
  } finally {
    store.close();
  }
}

function shown(report: Report, format: ReportOptions['format']): string {
  if (format === 'json') return jsonLine(reportToJson(report));
  return format === 'html' ? reportToHtml(report) : reportToText(report);
}

async function mailReport(report: Report, config: Config, io: Io): Promise<ExitStatus> {
  const { from, to, transport } = readRecipients(config);
  const subject = `[postern] report since ${formatTime(report.since).slice(0, 16)}Z`;
  const notice = { subject, text: reportToText(report), html: reportToHtml(report) };
  const { mailNotifier } = await import('../notify/mail.ts');
  const notifier = mailNotifier(transport, from);
  let status: ExitStatus = EXIT.done;
  for (const mail of addressMails(notice, { from, to, created: systemClock.now() })) {
    const { recipient } = mail;
    try {
      await notifier.send(mail);
      io.stdout(`Report sent to ${recipient}.\n`);
    } catch (error) {
      const reason = escapeControls(getMessage(error));
      io.stderr(`postern: the report was not sent to ${recipient}: ${reason}\n`);
      status = EXIT.failed;
    }
  }
  return status;
}

/** Throws a PosternError (exit status 2) when the configuration names no recipient. */
function readRecipients({ file, notify, report: { to } }: Config) {
  if (notify !== undefined && to.length > 0) return { ...notify, to };
  throw new PosternError(
    'configuration',
    `${file}: notify: expected notify.to and notify.from, found none: --mail needs a recipient`,
    { code: 'config', place: { file, key: 'notify' } },
  );
}
