/** Completion in the real shells: what stands on the line after TAB, typed on a terminal. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { symlinkSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { main } from '../../src/cli/commands.ts';
import { completionScript, SHELLS } from '../../src/cli/completion.ts';
import { openStore } from '../support/database.ts';
import { type Folder, scratchFolder, until } from '../support/folder.ts';
import { available, missingParts } from '../support/server.ts';

const COMPLETIONS = resolve('dist/completion');

/** Two instances, as small as they may be. */
const TWO = `syslogNames: [ postfix ]
instances:
  - { name: inside }
  - name: outside
    syslogNames: [ outside ]
    targets: { postfix: { user: { file: /etc/postfix-outside/postern/sasl_access } } }
`;

let folder: Folder;
let env: Record<string, string>;

beforeAll(() => {
  folder = scratchFolder('postern-completion-');
  folder.write('postern.yaml', 'database: postern.db\n');
  folder.write('two.yaml', TWO);
  symlinkSync(resolve('bin/postern'), folder.at('postern'));
  const { store } = openStore(folder.at('postern.db'));
  const keys = [
    { type: 'user', id: 'alice@example.net' },
    { type: 'uid', id: '33' },
    { type: 'client', id: '2001:db8:7::/64' },
    { type: 'sender', id: 'thief@example.net' },
  ] as const;
  for (const key of keys) store.blocks.start({ key, cause: 'invalid-recipients', start: 1 });
  store.close();
  const path = `${folder.path}:${dirname(process.execPath)}:/usr/bin:/bin`;
  env = { PATH: path, HOME: folder.path, TERM: 'dumb', LC_ALL: 'C.UTF-8' };
});
afterAll(() => folder.remove());

/** What is typed before TAB, and the whole line after it; `CONFIG` stands for the option with the configuration. */
const CASES: readonly (readonly [typed: string, line: string])[] = [
  ['postern unbl', 'postern unblock '],
  ['postern replay --ru', 'postern replay --rules '],
  ['postern parse --mta e', 'postern parse --mta exim '],
  ['postern report --format=h', 'postern report --format=html '],
  ['postern help policy.l', 'postern help policy.listen '],
  ['postern completion z', 'postern completion zsh '],
  ['postern unblock CONFIG al', 'postern unblock CONFIG alice@example.net '],
  ['postern unblock CONFIG alice@e', 'postern unblock CONFIG alice@example.net '],
  ['postern unblock CONFIG uid:', 'postern unblock CONFIG uid:33 '],
  ['postern explain CONFIG 2001:db', 'postern explain CONFIG 2001:db8:7::/64 '],
  ['postern queue CONFIG uid:33 send', 'postern queue CONFIG uid:33 sender:thief@example.net '],
  ['postern events CONFIG --of=a', 'postern events CONFIG --of=alice@example.net '],
  ['postern blocks --config FOLDER/two.y', 'postern blocks --config FOLDER/two.yaml '],
  [
    'postern blocks --config FOLDER/two.yaml --instance o',
    'postern blocks --config FOLDER/two.yaml --instance outside ',
  ],
  // Nobody is blocked under such a name, and there is no such command.
  ['postern unblock CONFIG zo', 'postern unblock CONFIG zo'],
  ['postern frob', 'postern frob'],
];

const place = (text: string) =>
  text.replace('CONFIG', `--config ${folder.at('postern.yaml')}`).replaceAll('FOLDER', folder.path);

/** A shell on a terminal. `keys` are typed, and `line` is what its editor holds then. */
class Terminal {
  readonly #child: ChildProcess;
  #output = '';

  constructor(command: string) {
    const argv = ['--quiet', '--flush', '--command', command, '/dev/null'];
    this.#child = spawn('script', argv, { env, stdio: ['pipe', 'pipe', 'ignore'] });
    this.#child.stdout?.on('data', (bytes) => {
      this.#output += String(bytes);
    });
  }

  async run(text: string): Promise<void> {
    await this.#send(`${text}\nprintf 'set%s\\n' up\n`, /^setup\r?$/m);
  }

  /** The line after TAB; nothing is left of it. */
  async complete(text: string): Promise<string> {
    const found = await this.#send(`${text}\t\x18p`, /LINE<(.*)>/);
    this.#child.stdin?.write('\x15');
    return found[1] as string;
  }

  async #send(keys: string, answer: RegExp): Promise<RegExpExecArray> {
    this.#output = '';
    this.#child.stdin?.write(keys);
    let found: RegExpExecArray | null = null;
    await until(
      `an answer to ${keys}`,
      async () => {
        found = answer.exec(this.#output);
        return found !== null;
      },
      { timeout: 20_000 },
    );
    return found as unknown as RegExpExecArray;
  }

  stop(): void {
    this.#child.kill('SIGKILL');
  }
}

const BASH = {
  command: 'bash --norc --noprofile -i',
  show: `bind -x '"\\C-xp": printf "LINE<%s>\\n" "$READLINE_LINE"'`,
};
const ZSH = {
  command: 'zsh -f -i',
  show: `show() { print -r -- "LINE<$BUFFER>" }; zle -N show; bindkey '^Xp' show`,
};
const LOADER = '/usr/share/bash-completion/bash_completion';

describe.runIf(available('bash', missingParts(['/bin/bash', '/usr/bin/script', LOADER], [])))(
  'bash',
  () => {
    let terminal: Terminal;
    beforeAll(async () => {
      terminal = new Terminal(BASH.command);
      await terminal.run(`source <(postern completion bash); ${BASH.show}`);
    });
    afterAll(() => terminal.stop());

    it.each(CASES)('%s', async (typed, line) => {
      expect(await terminal.complete(place(typed))).toBe(place(line));
    });

    it('loads the file that a package installs by itself', async () => {
      const other = new Terminal(BASH.command);
      folder.write('.local/share/bash-completion/completions/postern', completionScript('bash'));
      await other.run(`source ${LOADER}; ${BASH.show}`);
      expect(await other.complete('postern unbl')).toBe('postern unblock ');
      other.stop();
    });
  },
);

describe.runIf(available('zsh', missingParts(['/usr/bin/zsh', '/usr/bin/script'], [])))(
  'zsh',
  () => {
    let terminal: Terminal;
    beforeAll(async () => {
      terminal = new Terminal(ZSH.command);
      await terminal.run(
        `fpath=(${COMPLETIONS} $fpath); autoload -U compinit; compinit -u -D; ${ZSH.show}`,
      );
    });
    afterAll(() => terminal.stop());

    it.each(CASES)('%s', async (typed, line) => {
      expect(await terminal.complete(place(typed))).toBe(place(line));
    });

    it('can also be sourced', async () => {
      const other = new Terminal(ZSH.command);
      await other.run(
        `autoload -U compinit; compinit -u -D; source <(postern completion zsh); ${ZSH.show}`,
      );
      expect(await other.complete('postern unbl')).toBe('postern unblock ');
      other.stop();
    });
  },
);

describe.runIf(available('fish', missingParts(['/usr/bin/fish'], [])))('fish', () => {
  /** Candidates for the last word, without what they mean. */
  const complete = (line: string) => {
    const code = `source ${COMPLETIONS}/postern.fish; complete -C '${line}'`;
    const output = execFileSync('fish', ['--no-config', '-c', code], { env, encoding: 'utf8' });
    return output.split('\n').flatMap((found) => found.split('\t')[0] || []);
  };

  it.each(CASES)('%s', (typed, line) => {
    const before = place(typed).replace(/\S*$/, '');
    const found = complete(place(typed)).map((word) => `${before}${word} `);
    expect(found).toEqual(line.endsWith(' ') ? [place(line)] : []);
  });
});

describe('postern completion', () => {
  it.each(SHELLS)('%s prints the file that is installed', async (shell) => {
    const out: string[] = [];
    const io = { stdout: (text: string) => void out.push(text), stderr: () => {} };
    expect(await main(['completion', shell], io)).toBe(0);
    expect(out.join('')).toBe(completionScript(shell));
  });
});
