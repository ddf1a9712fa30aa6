/** `postern report`: a period as text, JSON or HTML. With `--mail` it is sent instead, as text and HTML. */

import { EXIT, type ExitStatus, getMessage, PosternError } from '../base/errors.ts';
import { escapeControls } from '../base/escape.ts';
import { systemClock } from '../base/time.ts';
import { type Config, loadConfig } from '../config/load.ts';
import { loadConfiguredRules } from '../config/rules.ts';
import type { Style } from '../model/style.ts';
import { addressMails, buildSubject } from '../notify/compose.ts';
import { reportToHtml } from '../report/html.ts';
import { reportToJson } from '../report/json.ts';
import { gatherReport, listKeys, type Report } from '../report/period.ts';
import { loadStyle } from '../report/style.ts';
import { reportToText } from '../report/text.ts';
import { Store } from '../store/store.ts';
import { type CommonOptions, type Io, jsonLine } from './io.ts';
import { Progress } from './progress.ts';
import { parsePeriod } from './typed.ts';

interface ReportOptions extends Omit<CommonOptions, 'format'> {
  readonly since?: string;
  readonly until?: string;
  readonly format?: 'text' | 'json' | 'html';
  readonly mail?: boolean;
  /** times in UTC only */
  readonly utc?: boolean;
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
    const rules = loadConfiguredRules(config);
    const progress = new Progress(io, 'event');
    const begin = Math.max(since, store.events.oldestTime() ?? since);
    const report = gatherReport(store, rules, since, until, (count, time) =>
      progress.add(count, (time - begin) / (until - begin)),
    );
    progress.end();
    const style = await loadStyle(config, listKeys(report), options);
    if (options.mail === true) return await mailReport(report, { config, style, io });
    io.stdout(shown(report, options.format, style, chooseWidth(io)));
    return EXIT.done;
  } finally {
    store.close();
  }
}

/** Wider lines are hard to read. */
const WIDEST = 200;

function chooseWidth({ screen }: Io): number | undefined {
  return screen === undefined ? undefined : Math.min(screen.columns, WIDEST);
}

function shown(
  report: Report,
  format: ReportOptions['format'],
  style: Style,
  width: number | undefined,
): string {
  if (format === 'json') return jsonLine(reportToJson(report));
  return format === 'html' ? reportToHtml(report, style) : reportToText(report, style, width);
}

async function mailReport(
  report: Report,
  { config, style, io }: { config: Config; style: Style; io: Io },
): Promise<ExitStatus> {
  const { from, to, transport } = readRecipients(config);
  const notice = {
    subject: buildSubject(`report since ${style.minute(report.since)}`, style.host),
    text: reportToText(report, style),
    html: reportToHtml(report, style),
  };
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
