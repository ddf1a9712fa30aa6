/** What `postern init` and `postern check` have to know about a mail server. Implemented in postfix/ and exim/. */
import type { ListenAddress } from '../base/listen-address.ts';
import type { Config, MilterConfig } from '../config/load.ts';
import type { SendsAs } from '../daemon/own-addresses.ts';
import type { LogSettings } from '../interpret/mtas.ts';
import type { Finding } from './finding.ts';
import type { Installation, NoAnswer, NotFound, RelayNetworks } from './installation.ts';

export interface MailServer {
  /** as its manual writes it */
  readonly name: string;
  /** why it must not be connected before Postern has run, a sentence; undefined: it may be */
  readonly connectLater?: string;
  /** Finds the installation of this machine, or the one that `options` name. */
  find(options: InstallationOptions): Promise<Installation | NotFound>;
  /** The settings of that installation to which the recipe adds something, by name. */
  readSettings(options: InstallationOptions): Promise<ReadonlyMap<string, string>>;
  /** How to start Postern and connect the mail server, one step each; `settings`: what `readSettings` gave. */
  recipeSteps(config: Config, settings: ReadonlyMap<string, string>): string[];
  /** How to install the milter and connect it; absent for a mail server that asks none. */
  milterSteps?(milter: MilterConfig, settings: ReadonlyMap<string, string>): string[];
  /** The networks that may relay without a password. */
  findNetworks(config: Config, options: InstallationOptions): Promise<RelayNetworks | NoAnswer>;
  /** What its lines cannot be read without. Empty when the mail server gives no answer. */
  readLogSettings(config: Config): Promise<LogSettings>;
  /** Why blocks of whole networks would have no effect, as the end of a sentence; undefined if they have one. */
  findNoNetworks(config: Config): Promise<string | undefined>;
  /** All of its configuration, as it prints it; empty if it gives no answer to this account. */
  printConfiguration(config: Config): Promise<string>;
  /** What stands in its configuration if it asks the policy service there. */
  policyWord(listen: ListenAddress): string;
  /** From which addresses it is told to send, and its names. Empty when it gives no answer. */
  findSendsAs(config: Config): Promise<SendsAs>;
  /** Whether the mail server uses what Postern writes. */
  checkWiring(config: Config, options: InstallationOptions): Promise<Finding[]>;
  /** Whether the mail server asks the milter. */
  checkMilter(
    milter: MilterConfig,
    config: Config,
    options: InstallationOptions,
  ): Promise<Finding[]>;
  /** The files that take blocks in this configuration. */
  listTargetFiles(config: Config): TargetFile[];
  /** The configured commands that are used with this mail server. */
  listCommands(config: Config): NamedCommand[];
  /** Shell command that makes the folder for the socket of the policy service. */
  makeSocketFolder(config: Config, folder: string): string;
  /** Shell commands without which the units do not start, see docs/install.md */
  unitCommands(config: Config): string[];
  /** systemd units to start, see docs/install.md */
  listUnits(config: Config): string;
}

/** Which installation is meant, when it is not the default one of this machine. */
export interface InstallationOptions {
  /** folder of main.cf: `postconf -c` */
  readonly postfixConfig?: string;
  readonly eximBinary?: string;
  /** Exim's configuration file: `exim -C` */
  readonly eximConfig?: string;
}

/** A file that takes blocks, and the option that names it: `['targets', 'exim', 'blockedUsers']`. */
export interface TargetFile {
  readonly option: readonly string[];
  readonly file: string;
}

/** An argument vector, and the option that names it: `commands.exim`. */
export interface NamedCommand {
  readonly option: string;
  readonly argv: readonly string[];
}
