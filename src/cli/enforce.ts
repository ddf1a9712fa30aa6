/** `postern enforce`: writes the block files and reloads the mail server, so that `postern run` needs no rights. */
import { EXIT, type ExitStatus, PosternError } from '../base/errors.ts';
import { createLog } from '../base/log.ts';
import { systemClock } from '../base/time.ts';
import { type Config, type ConfigChoice, loadConfig } from '../config/load.ts';
import { runStep } from '../daemon/enforce/step.ts';
import { buildTrustedControl } from '../daemon/enforce/trusted-control.ts';
import { inRounds } from '../daemon/rounds.ts';
import { version } from './version.ts';

interface EnforceOptions {
  readonly config?: ConfigChoice;
  readonly once?: boolean;
  readonly reader?: boolean;
}

/** Until SIGTERM, or once. SIGHUP reads the configuration again; if it is wrong, the old one stays in use. */
export async function runEnforce(options: EnforceOptions): Promise<ExitStatus> {
  if (options.reader === true) return await runReaderHalf();
  let config = loadSeparate(options);
  const log = createLog(config.logLevel);
  const once = options.once === true;
  let well = true;
  const reload = () => {
    const next = loadSeparate(options);
    buildTrustedControl(next);
    config = next;
  };
  const round = async (signal: AbortSignal) => {
    const reader = readerCommand();
    well = await runStep({ config, clock: systemClock, log, reader, once, signal });
    return !once;
  };
  await inRounds(reload, round, log);
  return well ? EXIT.done : EXIT.failed;
}

function loadSeparate(options: EnforceOptions): Config {
  const config = loadConfig(options.config);
  if (config.enforcer === 'separate') return config;
  throw new PosternError(
    'usage',
    `${config.file}: enforcer: expected separate, found daemon: postern run enforces by itself`,
    { place: { file: config.file, key: 'enforcer' } },
  );
}

/** This program again. */
function readerCommand(): readonly string[] {
  const program = process.argv[1] ?? '';
  return [process.execPath, ...process.execArgv, program, 'enforce', '--reader'];
}

/** Loaded only here, so that the half with rights has no SQLite in it. */
async function runReaderHalf(): Promise<ExitStatus> {
  const { openHelperOutput } = await import('../base/helper-output.ts');
  const { runReader } = await import('../daemon/enforce/reader.ts');
  await runReader({
    input: process.stdin,
    send: openHelperOutput(),
    clock: systemClock,
    version: version(),
  });
  return EXIT.done;
}
