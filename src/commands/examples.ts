/** What a command is used for: a command line, and what comes of it. */
export type Example = readonly [line: string, does: string];

/** The examples of each command's `--help`, and of `tagstream --help` itself. */
const examples: Readonly<Record<string, readonly Example[]>> = {
  tagstream: [
    ['tagstream tag --text "Good morning from the beach"', 'one post from the command line'],
    ['tagstream demo', 'the bundled posts, with the live page on http://127.0.0.1:8080'],
    ['tagstream run --brokers 127.0.0.1:9092', 'the agent: from the topic "posts" to "keyphrases"'],
    ['tagstream doctor --brokers 127.0.0.1:9092', 'what is wrong, and what to do'],
  ],
  run: [
    ['tagstream run --brokers 127.0.0.1:9092', 'from the topic "posts" to "keyphrases"'],
    [
      'tagstream run --brokers 127.0.0.1:9092 --input-topic tweets --output-topic tags',
      'with topics of your own',
    ],
    ['tagstream run --config tagstream.yaml', 'with settings from a file (docs/configuration.md)'],
  ],
  demo: [
    ['tagstream demo --once', 'prints the bundled posts with their keyphrases and exits'],
    ['tagstream demo --port 0', 'streams them to the live page, on any free port'],
  ],
  tag: [
    ['tagstream tag --text "Good morning from the beach"', 'one post'],
    ['tagstream tag --text "who is this?" --image cat.jpg', 'and its photo'],
    ['tagstream tag posts.ndjson > results.ndjson', 'a file of posts; progress shows on the terminal'],
    ['kcat -b 127.0.0.1:9092 -t posts -e | tagstream tag - | jq .keyphrases', 'in a pipe'],
  ],
  eval: [
    ['tagstream eval labelled.jsonl', 'tags the posts and measures the result'],
    ['tagstream eval labelled.jsonl --without neighbours,decoder --json', 'what these parts are worth'],
    ['tagstream eval labelled.jsonl --predictions other.txt', 'measures what another program predicted'],
  ],
  bench: [
    ['tagstream bench > bench.json', 'posts with and without photos; leave the machine alone meanwhile'],
    ['tagstream bench ratios --brokers 127.0.0.1:9092', 'what the parts of the agent are worth and cost'],
    ['tagstream bench curves --svg curves', 'throughput and latency over what decides them, also drawn'],
    ['tagstream bench cuda', 'a GPU and the CPU of its machine'],
  ],
  replay: [
    ['tagstream replay --brokers 127.0.0.1:9092 --dry-run', 'shows what would go back'],
    [
      'tagstream replay --brokers 127.0.0.1:9092 --reason unsupported_format,too_long',
      'those of two reasons',
    ],
    ['tagstream replay --brokers 127.0.0.1:9092 --since 2026-11-25T17:00:00Z', 'those written since then'],
  ],
  doctor: [
    ['tagstream doctor', 'Node, the machine and its GPU, the configuration and the model'],
    ['tagstream doctor --brokers 127.0.0.1:9092', 'the brokers and topics too'],
    ['tagstream doctor --config tagstream.yaml', 'with the settings of the agent'],
  ],
  cuda: [
    ['tagstream cuda install', 'downloads 250 MB with pip'],
    [
      'tagstream cuda install --from onnxruntime_gpu-1.30.0-cp312-cp312-manylinux_2_28_x86_64.whl',
      'from a file that pip downloaded elsewhere',
    ],
  ],
  completion: [
    ['eval "$(tagstream completion bash)"', 'in ~/.bashrc'],
    ['tagstream completion zsh > ~/.zfunc/_tagstream', 'in a folder of $fpath'],
    ['tagstream completion fish > ~/.config/fish/completions/tagstream.fish', 'for fish'],
  ],
};

/** A command's examples as its help shows them. */
export function examplesOf(command: string): string {
  const lines = (examples[command] ?? []).map(([line, does]) => `  ${line}\n      ${does}`);
  return `\nExamples:\n${lines.join('\n')}`;
}
