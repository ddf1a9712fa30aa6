/** `postern explain`: the evidence behind a block or a verdict. */
import { EXIT, type ExitStatus } from '../base/errors.ts';
import { loadConfig } from '../config/load.ts';
import { describeMeasures, loadInForce } from '../daemon/in-force.ts';
import { loadRules } from '../judge/rule.ts';
import { buildValueFormat } from '../model/evidence.ts';
import { blockNotice } from '../notify/notice.ts';
import { evidenceToJson, gatherEvidence } from '../report/evidence.ts';
import { Store } from '../store/store.ts';
import { type BlockOptions, shown } from './blocks.ts';
import { type Io, jsonLine } from './io.ts';
import { parseTypedBlockable } from './typed.ts';

/** `postern explain ID`: the evidence, by identity or by the block's number. */
export async function runExplain(
  identity: string,
  options: BlockOptions,
  io: Io,
): Promise<ExitStatus> {
  const config = loadConfig(options.config);
  const store = new Store(config.database, { readonly: true });
  try {
    const block = /^\d+$/.test(identity)
      ? store.blocks.get(Number(identity))
      : store.blocks.findByKey(parseTypedBlockable(identity))[0];
    const key = block?.key ?? parseTypedBlockable(identity);
    const stored =
      block?.verdict === undefined
        ? store.verdicts.findByKey(key, 1)[0]
        : store.verdicts.get(block.verdict);
    if (stored === undefined) {
      if (block === undefined) {
        io.stderr(`${identity}: no rule was ever met, and there is no block.\n`);
        return EXIT.failed;
      }
      io.stdout(shown(block, loadInForce(store, config)(block), options.format));
      return EXIT.done;
    }
    const rules = loadRules(config.rules);
    const rule = rules.find(({ name }) => name === stored.verdict.rule);
    const evidence = await gatherEvidence(store, stored.verdict, block, rule);
    const measures =
      stored.outcome === 'blocked' || block !== undefined
        ? describeMeasures(store, block)
        : [outcomeText(stored.outcome)];
    if (options.format === 'json')
      io.stdout(jsonLine({ ...evidenceToJson(evidence), outcome: stored.outcome, measures }));
    else io.stdout(blockNotice(evidence, measures, buildValueFormat(rules)).text);
    return EXIT.done;
  } finally {
    store.close();
  }
}

function outcomeText(outcome: string): string {
  switch (outcome) {
    case 'observed':
      return 'Nothing was changed: the rule only observes.';
    case 'mode-observe':
      return 'Nothing was changed: Postern runs in observe mode.';
    case 'allowed':
      return 'Not blocked: the allow list names it.';
    case 'capped':
      return 'Not blocked: the cap on blocks per hour was reached.';
    case 'stale':
      return 'Not blocked: it lay too far in the past when it was read.';
    default:
      return `Not blocked: ${outcome}.`;
  }
}
