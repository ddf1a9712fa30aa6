/** Filters that refuse mail which was accepted already: bounce-after-queue. */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Check } from '../../check.ts';
import type { Evidence, Hit } from '../../finding.ts';
import type { PostfixFacts } from '../facts.ts';

export const bounceAfterQueue: Check<PostfixFacts> = {
  id: 'bounce-after-queue',
  find(facts) {
    const places = [
      ...(facts.get('content_filter').trim() === '' ? [] : [undefined]),
      ...facts.listeners
        .map(({ service }) => service)
        .filter(
          (service) =>
            service.overrides('content_filter') && service.setting('content_filter').trim() !== '',
        ),
    ];
    return places.flatMap((service) => {
      const evidence = facts.where('content_filter', service);
      const filter = service?.setting('content_filter') ?? facts.get('content_filter');
      return /amavis|:1002[46]\b/i.test(filter)
        ? judgeAmavis(evidence, facts)
        : [adviseOn(evidence, filter)];
    });
  },
};

const DESTINY = /^\s*\$final_(\w+)_destiny\s*=\s*D_(BOUNCE|REJECT)\b/;

/** The last line for each kind of mail counts. */
function judgeAmavis(evidence: Evidence, facts: PostfixFacts): Hit[] {
  const kinds = new Map<string, { action: string; evidence: Evidence }>();
  let isRead = false;
  for (const file of listAmavisFiles(dirname(facts.folder))) {
    for (const [index, line] of readLines(file).entries()) {
      isRead = true;
      const kind = /^\s*\$final_(\w+)_destiny\b/.exec(line)?.[1];
      if (kind === undefined) continue;
      const action = DESTINY.exec(line)?.[2] ?? '';
      kinds.set(kind, { action, evidence: { file, line: index + 1, text: line.trim() } });
    }
  }
  if (!isRead) return [adviseOn(evidence, 'amavis, whose configuration is not here')];
  return [...kinds].flatMap(([kind, { action, evidence: place }]) =>
    action === ''
      ? []
      : [
          {
            evidence: place,
            fix: `$final_${kind}_destiny = ${kind === 'virus' || kind === 'spam' || kind === 'banned' ? 'D_DISCARD' : 'D_PASS'};   (with a quarantine), then restart amavis; or use it before the queue (smtpd_proxy_filter), where D_REJECT is right`,
          },
        ],
  );
}

/** Debian: amavis/conf.d in the order of run-parts; elsewhere one file. */
function listAmavisFiles(etc: string): string[] {
  const folder = join(etc, 'amavis/conf.d');
  try {
    return readdirSync(folder)
      .sort()
      .map((name) => join(folder, name));
  } catch {
    return [join(etc, 'amavisd/amavisd.conf'), join(etc, 'amavisd.conf')];
  }
}

function readLines(file: string): string[] {
  try {
    return readFileSync(file, 'utf8').split('\n');
  } catch {
    return [];
  }
}

function adviseOn(evidence: Evidence, filter: string): Hit {
  return {
    evidence,
    severity: 'advice',
    why: `The filter (${filter}) gets mail that was accepted already. If it refuses any, the refusal becomes a bounce to a sender that is usually forged.`,
    fix: 'let the filter pass, mark, quarantine or discard, but never refuse; or use it while the client is connected: smtpd_milters or smtpd_proxy_filter',
  };
}
