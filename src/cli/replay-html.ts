/** A replay as one HTML page that needs nothing else. */
import { escapeHtmlField } from '../base/escape.ts';
import type { Verdict } from '../model/block.ts';
import type { ValueFormat } from '../model/evidence.ts';
import { figureToHtml, tableToHtml } from '../report/html.ts';
import { renderPage } from '../report/page.ts';
import {
  buildReplayTables,
  buildTuningCharts,
  buildTuningTables,
  type NearLimit,
} from '../report/replay.ts';
import { chartToSvg } from '../report/svg.ts';
import type { RuleTuning } from '../report/tuning.ts';

interface Replay {
  readonly verdicts: readonly Verdict[];
  readonly nearest: readonly NearLimit[];
  readonly tuning: readonly RuleTuning[] | undefined;
}

/** `headline`: what was read, in one line. */
export function replayToHtml(replay: Replay, headline: string, format: ValueFormat): string {
  const { tuning = [] } = replay;
  const charts = buildTuningCharts(tuning, format).map((chart) =>
    figureToHtml(chart, chartToSvg(chart)),
  );
  const tables = [...buildReplayTables(replay, format), ...buildTuningTables(tuning, format)];
  const title = 'Postern replay';
  return renderPage(
    title,
    `<main>
<h1>${title}</h1>
<p>${escapeHtmlField(headline)}</p>
<div class="charts">
${charts.join('\n')}
</div>
${tables.map(tableToHtml).join('\n')}
</main>`,
  );
}
