/**
 * `postern completion SHELL`: a short script for the shell. It asks `postern __complete` (complete.ts), so that commands,
 * options and what is blocked now are those of the program that is installed, whatever shell it is.
 */
import { EXIT, type ExitStatus } from '../base/errors.ts';
import type { Io } from './io.ts';

export const SHELLS = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof SHELLS)[number];

export function runCompletion(shell: Shell, io: Io): ExitStatus {
  io.stdout(completionScript(shell));
  return EXIT.done;
}

export function completionScript(shell: Shell): string {
  return SCRIPTS[shell];
}

/**
 * bash divides words at `:`, `=` and `@`, too, and replaces only the last part, `$2`. So the line is divided here at
 * blanks, and what bash keeps is taken off the candidates.
 */
const BASH = String.raw`# bash completion for postern. Made by: postern completion bash
_postern() {
  local line=${'$'}{COMP_LINE:0:COMP_POINT} current kept candidate
  local -a typed
  read -ra typed <<<"$line"
  [[ $line != *[[:blank:]] ]] || typed+=('')
  current=${'$'}{typed[-1]}
  kept=${'$'}{current%"$2"}
  COMPREPLY=()
  while IFS=$'\t' read -r candidate _; do
    case $candidate in
    :files | :folders) compopt -o default ;;
    *) COMPREPLY+=("${'$'}{candidate#"$kept"}") ;;
    esac
  done < <(postern __complete "${'$'}{typed[@]:1}" 2>/dev/null)
}
complete -F _postern postern
`;

const ZSH = String.raw`#compdef postern
# zsh completion for postern. Made by: postern completion zsh
_postern() {
  local line
  local -a candidates
  for line in "${'$'}{(@f)$(postern __complete "${'$'}{(@Q)words[2,CURRENT-1]}" "$PREFIX" 2>/dev/null)}"; do
    case $line in
    '') ;;
    :files) compset -P '--*='; _files; return ;;
    :folders) compset -P '--*='; _files -/; return ;;
    *) candidates+=("${'$'}{${'$'}{line%%$'\t'*}//:/\\:}:${'$'}{line#*$'\t'}") ;;
    esac
  done
  _describe -t words word candidates
}
if [[ ${'$'}{funcstack[1]} == _postern ]]; then
  _postern "$@"
else
  compdef _postern postern
fi
`;

const FISH = `# fish completion for postern. Made by: postern completion fish
function __postern_complete
    set -l typed (commandline -opc)
    set -l current (commandline -ct)
    for line in (postern __complete $typed[2..-1] "$current" 2>/dev/null)
        switch $line
            case ':files'
                __fish_complete_path "$current"
            case ':folders'
                __fish_complete_directories "$current" ''
            case '*'
                echo $line
        end
    end
end
complete -c postern -f -a '(__postern_complete)'
`;

const SCRIPTS: Readonly<Record<Shell, string>> = { bash: BASH, zsh: ZSH, fish: FISH };
