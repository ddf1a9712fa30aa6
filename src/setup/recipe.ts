/** What `postern init` asks an operator to do, step by step, with the lines to add. Pure. */
import type { Config } from '../config/load.ts';
import type { MailServer } from './mail-server.ts';
import { SETUP_MTAS } from './mtas.ts';

interface RecipeContext {
  /** the settings of the mail server now, so that the lines keep them */
  readonly settings?: ReadonlyMap<string, string>;
  /** where the configuration was written, if not at its usual place */
  readonly output?: string | undefined;
}

/** The numbered steps. In observe mode those that connect the mail server come last, under a heading of their own. */
export function recipeText(config: Config, context: RecipeContext = {}): string {
  const server = SETUP_MTAS[config.mta];
  const option = context.output === undefined ? '' : ` --config ${context.output}`;
  const observing =
    config.mode === 'observe' ? observingSteps(server.listUnits(config), option) : [];
  const steps = [
    ...observing,
    ...server.recipeSteps(config, context.settings ?? new Map()),
    `Check that all of it is in effect:\n\n    postern check${option}\n`,
  ].map((step, index) => `${index + 1}. ${step}`);
  if (observing.length > 0) steps.splice(observing.length, 0, laterHeading(server));
  return steps.join('\n');
}

function laterHeading({ connectLater }: MailServer): string {
  const heading = 'When you want it to block';
  const why = connectLater === undefined ? '' : `\nNot earlier: ${connectLater}\n`;
  return `${heading}\n${'='.repeat(heading.length)}\n${why}`;
}

/** In observe mode Postern writes no block files, so the mail server must not use any. */
function observingSteps(units: string, option: string): string[] {
  return [
    `Start Postern. It only observes: it does not change the mail server and writes no files for it.\n\n    systemctl enable --now ${units}\n`,
    `For some days, look at whom it would have blocked, and why:\n\n    postern report --since 24h${option}\n    postern explain alice@example.net${option}\n`,
  ];
}
