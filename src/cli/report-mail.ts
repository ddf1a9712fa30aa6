/** Sends a report as text and HTML, with its charts as images. */
import { EXIT, type ExitStatus, getMessage, PosternError } from '../base/errors.ts';
import { escapeControls } from '../base/escape.ts';
import { systemClock } from '../base/time.ts';
import type { Config } from '../config/load.ts';
import type { Style } from '../model/style.ts';
import { addressMails, buildSubject } from '../notify/compose.ts';
import { buildCharts } from '../report/chart.ts';
import { reportToMailHtml } from '../report/html.ts';
import type { Report } from '../report/period.ts';
import { chartToPng } from '../report/png.ts';
import { reportToText } from '../report/text.ts';
import type { Io } from './io.ts';

/** Exit status 1 when one was not sent. Throws a PosternError (exit status 2) when nobody is to get it. */
export async function mailReport(
  report: Report,
  { config, style, io }: { config: Config; style: Style; io: Io },
): Promise<ExitStatus> {
  const { from, to, transport } = readRecipients(config);
  const notice = {
    subject: buildSubject(`report since ${style.minute(report.since)}`, style.host),
    text: reportToText(report, style),
    html: reportToMailHtml(report, style),
    images: buildCharts(report, style).map((chart) => {
      return { name: chart.name, content: chartToPng(chart) };
    }),
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
