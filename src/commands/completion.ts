import type { Argument, Command, Option } from 'commander';

export const shells = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof shells)[number];

/** A flag as a shell completes it. */
interface Flag {
  readonly names: readonly string[];
  readonly about: string;
  /** What follows it, nothing where it stands alone. */
  readonly value: Value | undefined;
}

/** What may stand in a place: one of some words, a file, or anything. */
type Value = { readonly words: readonly string[] } | 'file' | 'anything';

interface Completed {
  readonly name: string;
  readonly about: string;
  readonly flags: readonly Flag[];
  readonly argument: Value | undefined;
}

/** `tagstream completion`: what a shell has to be told to complete commands, flags and their values. */
export function completion(program: Command, shell: Shell): string {
  const commands = program.commands.map(completed);
  return { bash, zsh, fish }[shell](commands);
}

function completed(command: Command): Completed {
  const [argument] = command.registeredArguments;
  return {
    name: command.name(),
    about: command.description(),
    flags: command.createHelp().visibleOptions(command).map(flagOf),
    argument: argument === undefined ? undefined : valueOf(argument, argument.name()),
  };
}

function flagOf(option: Option): Flag {
  const placeholder = /<(.*)>/.exec(option.flags)?.[1];
  return {
    names: [option.short, option.long].filter((name) => name !== undefined),
    about: option.description,
    value: placeholder === undefined ? undefined : valueOf(option, placeholder),
  };
}

function valueOf({ argChoices }: Option | Argument, placeholder: string): Value {
  if (argChoices !== undefined) return { words: argChoices };
  return /^(file|folder|path)\b/.test(placeholder) ? 'file' : 'anything';
}

function bash(commands: readonly Completed[]): string {
  const give = (value: Value | undefined): string => {
    // Nothing is answered, and the shell's own completion of files takes over.
    if (value === 'file') return 'compopt -o default';
    return typeof value === 'object'
      ? `COMPREPLY=($(compgen -W '${value.words.join(' ')}' -- "$current"))`
      : ':';
  };
  const branches = commands.flatMap(({ name, flags, argument }) => [
    ...flags.flatMap(({ names, value }) =>
      value === undefined
        ? []
        : [`    ${names.map((flag) => `'${name} ${flag}'`).join('|')}) ${give(value)} ;;`],
    ),
    `    '${name} '*) case $current in`,
    `      -*) COMPREPLY=($(compgen -W '${flags.flatMap(({ names }) => names).join(' ')}' -- "$current")) ;;`,
    `      *) ${give(argument)} ;;`,
    '      esac ;;',
  ]);
  const names = commands.map(({ name }) => name).join(' ');
  return `_tagstream() {
  local current=\${COMP_WORDS[COMP_CWORD]} previous=\${COMP_WORDS[COMP_CWORD-1]}
  COMPREPLY=()
  if ((COMP_CWORD == 1)); then
    COMPREPLY=($(compgen -W '${names} --help --version' -- "$current"))
    return
  fi
  case "\${COMP_WORDS[1]} $previous" in
${branches.join('\n')}
  esac
}
complete -F _tagstream tagstream
`;
}

function zsh(commands: readonly Completed[]): string {
  /** Within single quotes, where brackets and colons part what _arguments reads. */
  const escaped = (text: string): string => text.replaceAll("'", "'\\''").replace(/[[\]:\\]/g, '\\$&');
  const give = (value: Value): string =>
    value === 'file'
      ? ':file:_files'
      : value === 'anything'
        ? ':value: '
        : `:value:(${value.words.join(' ')})`;
  const branches = commands.map(({ name, flags, argument }) => {
    const specs = flags.flatMap(({ names, about, value }) =>
      names.map((flag) => `'${flag}[${escaped(about)}]${value === undefined ? '' : give(value)}'`),
    );
    const own = argument === undefined ? [] : [`'1${give(argument)}'`];
    return `    ${name}) _arguments ${[...specs, ...own].join(' ')} ;;`;
  });
  const names = commands.map(({ name, about }) => `'${name}:${about.replaceAll("'", "'\\''")}'`);
  return `#compdef tagstream
_tagstream() {
  if ((CURRENT == 2)); then
    local -a commands=(${names.join(' ')})
    _describe command commands
    return
  fi
  local command=$words[2]
  shift words
  ((CURRENT--))
  case $command in
${branches.join('\n')}
  esac
}
# The file is read either by an autoload, which is the first completion already, or by \`source\`.
if [[ $funcstack[1] == _tagstream ]]; then _tagstream "$@"; else compdef _tagstream tagstream; fi
`;
}

function fish(commands: readonly Completed[]): string {
  const quoted = (text: string): string => `'${text.replace(/[\\']/g, '\\$&')}'`;
  const give = (value: Value | undefined): string => {
    if (value === undefined) return '';
    return value === 'file'
      ? ' -r -F'
      : value === 'anything'
        ? ' -x'
        : ` -x -a ${quoted(value.words.join(' '))}`;
  };
  const lines = commands.flatMap(({ name, about, flags, argument }) => {
    const within = `complete -c tagstream -n '__fish_seen_subcommand_from ${name}'`;
    return [
      `complete -c tagstream -n __fish_use_subcommand -a ${name} -d ${quoted(about)}`,
      ...flags.map(({ names, about, value }) => {
        const flag = names.map((text) =>
          text.startsWith('--') ? `-l ${text.slice(2)}` : `-s ${text.slice(1)}`,
        );
        return `${within} ${flag.join(' ')}${give(value)} -d ${quoted(about)}`;
      }),
      ...(argument === undefined ? [] : [within + give(argument).replace(' -r', '').replace(' -x', '')]),
    ];
  });
  return `complete -c tagstream -f\n${lines.join('\n')}\n`;
}
