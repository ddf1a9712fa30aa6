/** What `postern init` asks an operator to do, step by step, with the lines to add. Pure. */
import { dirname } from 'node:path';
import { type Config, DEFAULT_CONFIG_FILE } from '../config/load.ts';
import type { MailServer } from './mail-server.ts';
import { SETUP_MTAS } from './mtas.ts';
import { indented, startCommand } from './steps.ts';

interface RecipeContext {
  /** the settings of the mail server now, so that the lines keep them */
  readonly settings?: ReadonlyMap<string, string>;
  /** where the configuration was written, if not at its usual place */
  readonly output?: string | undefined;
}

/** The numbered steps. In observe mode those that connect the mail server come last, under a heading of their own. */
export function recipeText(written: Config, context: RecipeContext = {}): string {
  const server = SETUP_MTAS[written.mta];
  const config = { ...written, file: context.output === undefined ? written.file : UNITS_READ };
  const observing = config.mode === 'observe' ? observingSteps(server, config) : [];
  const first = [...copyStep(written, context), ...observing];
  const steps = [
    ...first,
    ...server.recipeSteps(config, context.settings ?? new Map()),
    ...(config.milter === undefined
      ? []
      : (server.milterSteps?.(config.milter, context.settings ?? new Map()) ?? [])),
    'Check that all of it is in effect:\n\n    postern check\n',
  ].map((step, index) => `${index + 1}. ${step}`);
  if (observing.length > 0) steps.splice(first.length, 0, laterHeading(server));
  return steps.join('\n');
}

/** The file that the units and every command without --config read. */
const UNITS_READ = DEFAULT_CONFIG_FILE;

/** A configuration in another place is in use only when it is put where the units look. */
function copyStep({ file, rules }: Config, { output }: RecipeContext): string[] {
  if (output === undefined) return [];
  const folder = dirname(UNITS_READ);
  const own = dirname(file) === dirname(rules) ? `    cp -r ${rules} ${folder}/\n` : '';
  return [
    `The units read ${UNITS_READ}. When you are content with ${file}, put it there:\n\n    install -D -m 0644 ${file} ${UNITS_READ}\n    sed -i '/^database:/d' ${UNITS_READ}\n${own}`,
  ];
}

function laterHeading({ connectLater }: MailServer): string {
  const heading = 'When you want it to block';
  const why = connectLater === undefined ? '' : `\nNot earlier: ${connectLater}\n`;
  return `${heading}\n${'='.repeat(heading.length)}\n${why}`;
}

/** In observe mode Postern writes no block files, so the mail server must not use any. */
function observingSteps(server: MailServer, config: Config): string[] {
  const commands = [
    ...server.unitCommands(config),
    startCommand({ mode: 'enforce' }, server.listUnits(config)),
  ];
  return [
    `Start Postern. It only observes: it does not change the mail server and writes no files for it.\n\n${indented(commands.join('\n'))}\n`,
    'For some days, look at whom it would have blocked, and why:\n\n    postern report --since 24h\n    postern explain alice@example.net\n',
  ];
}
