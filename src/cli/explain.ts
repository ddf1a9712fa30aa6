/** `postern explain`: the evidence behind a block or a verdict. */
import { dropUndefined } from '../base/defined.ts';
import { EXIT, type ExitStatus } from '../base/errors.ts';
import { escapeControls, quoteForShell } from '../base/escape.ts';
import { formatTime } from '../base/time.ts';
import { type Config, loadConfig } from '../config/load.ts';
import { loadConfiguredRules } from '../config/rules.ts';
import { describeMeasures, loadInForce } from '../daemon/in-force.ts';
import { withSpellings } from '../daemon/spellings.ts';
import { isLoopbackAddress } from '../model/address.ts';
import type { Verdict } from '../model/block.ts';
import { buildValueFormat } from '../model/evidence.ts';
import { formatIdentity } from '../model/identity.ts';
import type { Style } from '../model/style.ts';
import { compose, type Section } from '../notify/compose.ts';
import { buildDetails, buildSummary } from '../notify/evidence.ts';
import { DEFERRED_TEXT, UNBLOCKABLE_TEXT } from '../report/block.ts';
import { loadEvents } from '../report/events.ts';
import { describeEvidence, evidenceToJson } from '../report/evidence.ts';
import { gatherStory, type Story, storyToJson } from '../report/story.ts';
import {
  buildRiseChart,
  formatNextSteps,
  listBefore,
  listNextSteps,
  listTimeline,
} from '../report/story-text.ts';
import { loadStyle } from '../report/style.ts';
import { findSubject, type Subject, toSubject } from '../report/subject.ts';
import { drawLines } from '../report/text.ts';
import type { Store } from '../store/store.ts';
import type { StoredBlock } from '../store/stored-block.ts';
import type { StoredVerdict } from '../store/verdicts.ts';
import { listForms } from './account-forms.ts';
import { findNumbered } from './block-change.ts';
import { blockedText, blockJson, blockText, spellingsText } from './block-text.ts';
import { withStore } from './database.ts';
import { listExemptions } from './exemptions.ts';
import { type CommonOptions, type Io, jsonLine } from './io.ts';
import { parseTypedBlockable } from './typed.ts';

export interface ExplainOptions extends CommonOptions {
  /** times in UTC only */
  readonly utc?: boolean;
}

/** By identity, or by the number of a block. Exit status 1 when there is nothing to explain. */
export async function runExplain(
  identity: string,
  options: ExplainOptions,
  io: Io,
): Promise<ExitStatus> {
  const config = loadConfig(options.config);
  return withStore(config, async (store) => {
    const found = await find(identity, store, config);
    const block = found.block && withSpellings(store, config, found.block);
    const subject = { ...found, ...(block === undefined ? {} : { block }) };
    const context = { store, config, options };
    if (subject.stored !== undefined) {
      io.stdout(await explain(subject, subject.stored, context));
      return EXIT.done;
    }
    if (block === undefined) {
      const exempt = listExemptions(parseTypedBlockable(identity, config.logins), config);
      if (exempt.length > 0 && options.format !== 'json') {
        io.stdout(exempt.map((line) => `${escapeControls(line)}\n`).join(''));
        return EXIT.done;
      }
      io.stderr(`postern: ${identity}: ${nothingText(store)}\n`);
      return EXIT.failed;
    }
    io.stdout(await explainBlock(subject, block, context));
    return EXIT.done;
  });
}

/** What was deleted may have met a rule. */
function nothingText({ state }: Store): string {
  const pruned = state.read('pruned');
  if (pruned === undefined) return 'no rule was met, and there is no block.';
  return `no rule was met since ${formatTime(pruned)}, and there is no block. Everything before that is pruned (retention).`;
}

async function find(identity: string, store: Store, config: Config): Promise<Subject> {
  const numbered = findNumbered(identity, store);
  if (numbered !== undefined) return toSubject(store, numbered);
  return findSubject(store, await listForms(parseTypedBlockable(identity, config.logins), config));
}

interface Context {
  readonly store: Store;
  readonly config: Config;
  readonly options: ExplainOptions;
}

/** A block that no rule began. */
async function explainBlock(
  subject: Subject,
  block: StoredBlock,
  { store, config, options }: Context,
): Promise<string> {
  const story = gatherStory(store, subject, undefined, []);
  const force = loadInForce(store, config)(block);
  if (options.format === 'json')
    return jsonLine({ ...blockJson(block, force), story: storyToJson(story) });
  const style = await loadStyle(config, [block.key], options);
  const standing = blockText(block, force, 'text', { style }).trimEnd();
  const sections = [
    { title: `Block ${block.id}`, rows: [standing] },
    ...buildStorySections(story, subject, style),
  ];
  return compose('', sections, style).text;
}

async function explain(
  subject: Subject,
  stored: StoredVerdict,
  { store, config, options }: Context,
): Promise<string> {
  const { block } = subject;
  const rules = loadConfiguredRules(config);
  const rule = rules.find(({ name }) => name === stored.verdict.rule);
  const journals = { sources: config.journals, command: config.commands.journalctl };
  const events = await loadEvents(store, stored.verdict, rule);
  const evidence = await describeEvidence(store, stored.verdict, block, rule, events, journals);
  const style = await loadStyle(config, [stored.verdict.key], options);
  const isJson = options.format === 'json';
  const measures =
    stored.outcome === 'blocked' || block !== undefined
      ? describeMeasures(store, block, isJson ? undefined : style)
      : [outcomeText(stored, config)];
  const gap = findGap(store, stored.verdict);
  const story = gatherStory(store, subject, rule, events);
  if (isJson)
    return jsonLine(
      dropUndefined({
        ...evidenceToJson(evidence),
        spellings: block?.spellings,
        outcome: stored.outcome,
        ...listed('exempt', listExemptions(stored.verdict.key, config)),
        measures,
        story: storyToJson(story),
        ...gap,
      }),
    );
  const formatValue = buildValueFormat(rules);
  const sections = [
    buildSummary(evidence, measures, formatValue, style),
    ...buildStorySections(story, subject, style),
    ...buildDetails(evidence),
  ];
  const notice = compose('', sections, style);
  const exempt = listExemptions(stored.verdict.key, config)
    .map((line) => `\n${escapeControls(line)}\n`)
    .join('');
  const text = `${notice.text}${exempt}${block === undefined ? '' : alsoText(block)}`;
  if (gap === undefined) return text;
  return `${text}\nEvents before ${style.time(Date.parse(gap.pruned))} are pruned (retention): the evidence is not complete.\n`;
}

function listed(name: string, texts: readonly string[]): Record<string, unknown> {
  return texts.length === 0 ? {} : { [name]: texts };
}

/** No line that is drawn is longer than this, so that it fits into 80 columns. */
const WIDTH = 77;

function buildStorySections(story: Story, { stored, block }: Subject, style: Style): Section[] {
  const key = stored?.verdict.key ?? block?.key;
  const sections: Section[] = [
    { title: 'What happened', literal: true, rows: listTimeline(story, style) },
    ...drawRise(story, stored, style),
    {
      title: 'What went out',
      rows: story.before === undefined ? [] : listBefore(story.before, style),
    },
    {
      title: 'What to do next',
      literal: true,
      rows: key === undefined ? [] : formatNextSteps(listNextSteps(key, block, story)),
    },
  ];
  return sections.filter(({ rows }) => rows.length > 0);
}

function drawRise({ rise }: Story, stored: StoredVerdict | undefined, style: Style): Section[] {
  if (rise === undefined || stored === undefined) return [];
  const [title = '', _line, ...bars] = drawLines(
    buildRiseChart(rise, stored.verdict, style),
    WIDTH,
  );
  return [{ title, literal: true, rows: bars.slice(1) }];
}

/** The person's other logins that the block lists, as a paragraph. */
function alsoText(block: StoredBlock): string {
  const also = spellingsText(block);
  return also === '' ? '' : `\nBlocked: ${escapeControls(`${blockedText(block)}${also}`)}\n`;
}

/** Until when the events behind the verdict are deleted; undefined if all of them are there. */
function findGap({ state }: Store, { time, period }: Verdict): { pruned: string } | undefined {
  const pruned = state.read('pruned') ?? 0;
  return time - period < pruned ? { pruned: formatTime(pruned) } : undefined;
}

function outcomeText({ outcome, verdict: { key } }: StoredVerdict, config: Config): string {
  switch (outcome) {
    case 'observed':
      return key.type === 'client' && isLoopbackAddress(key.id)
        ? 'Not blocked: loopback is never blocked, whatever the rule says.'
        : 'Nothing was changed: the rule only observes.';
    case 'deferred':
      return DEFERRED_TEXT;
    case 'mode-observe':
      return 'Nothing was changed: Postern runs in observe mode.';
    case 'allowed':
      return 'Not blocked: the allow list names it.';
    case 'capped':
      return `NOT blocked: the cap of ${config.caps.blocksPerHour} blocks per hour (caps.blocksPerHour) was reached. To block it: postern block ${quoteForShell(formatIdentity(key))}`;
    case 'unblockable':
      return UNBLOCKABLE_TEXT;
    case 'stale':
      return 'Not blocked: the events were too old when they were read.';
    default:
      return `Not blocked: ${outcome}.`;
  }
}
