import { z } from 'zod';
import { schema } from '../../src/config/schema.js';
import { settingFlags } from '../../src/config/flags.js';
import { variableOf } from '../../src/config/sources.js';

type Node = Exclude<z.core.JSONSchema._JSONSchema, boolean>;

/** docs/configuration.md, as the schema has it. `npm run generate` writes it anew. */
export function configurationPage(): string {
  const rows = rowsOf(z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }));
  return `# Configuration

<!-- Generated from src/config/schema.ts by \`npm run generate\`; a test holds it against the code. -->

Every setting has a default; \`run\` and \`replay\` need \`kafka.brokers\` besides. Later ones win:

1. the file of \`--config FILE\` or \`TAGSTREAM_CONFIG\`, in YAML or JSON,
2. environment variables,
3. flags.

In variables and flags the entries of a list are separated by commas. Every fault is named at once, with its key, before
anything starts, and the exit code is 78. Secrets print as \`**REDACTED**\`. \`npx tagstream doctor\` says whether the
configuration can be used.

\`\`\`yaml
kafka:
  brokers: [kafka-1.example:9093, kafka-2.example:9093]
  inputTopic: posts
  tls: { enabled: true }
  # The password comes as TAGSTREAM_KAFKA_SASL_PASSWORD.
  sasl: { mechanism: scram-sha-512, username: tagstream }
noise: { languages: [en], skip: [duplicate] }
inference: { threads: 2 }
\`\`\`

## Settings

| key | type | default | variable | flag | meaning |
| --- | --- | --- | --- | --- | --- |
${rows.join('\n')}

\`kafka.sasl\` is there as a whole or not at all. \`kafka.concurrentPartitions\` times
\`kafka.concurrentChunks\` chunks of \`kafka.chunkSize\` records are under way at most, each with the bounds of \`images\` and
\`inference.concurrency\` for itself.

Variables of OpenTelemetry (\`OTEL_…\`) switch tracing on: README, "Traces and logs". A variable that begins with
\`TAGSTREAM_\` and is no setting is a fault, but for those that Kubernetes sets for a service of the agent's name.
`;
}

function rowsOf(node: z.core.JSONSchema._JSONSchema, path: readonly string[] = []): string[] {
  if (typeof node === 'boolean') return [];
  if (node.properties !== undefined) {
    return Object.entries(node.properties).flatMap(([name, inner]) => rowsOf(inner, [...path, name]));
  }
  const key = path.join('.');
  if (node.description === undefined) throw new Error(`${key} has no meaning in src/config/schema.ts`);
  const flags = settingFlags.filter(({ keys }) => keys.includes(key)).map(({ flag }) => flag.split(' ')[0]);
  const cells = [
    code(key),
    typeOf(node),
    // The bundle's default place is another one on each machine.
    key === 'model.path' ? 'the bundled one' : code(textOf(node.default)),
    code(variableOf(path)),
    flags.map((flag) => code(flag ?? '')).join(', '),
    node.description,
  ];
  return [`| ${cells.join(' | ')} |`];
}

/** A type in words: what it is, its bounds, or each value it may have. */
function typeOf({ type, enum: values, const: value, anyOf, minimum, maximum, items }: Node): string {
  if (anyOf !== undefined) return anyOf.map((one) => typeOf(one)).join(', ');
  if (value !== undefined) return code(String(value));
  if (values !== undefined) return values.map((value) => code(String(value))).join(', ');
  if (type === 'array' && typeof items === 'object' && !Array.isArray(items)) return `list: ${typeOf(items)}`;
  if (type === 'integer' || type === 'number') {
    return `${type === 'integer' ? 'whole number' : 'number'} from ${minimum} to ${maximum}`;
  }
  return type === 'boolean' ? '`true`, `false`' : 'text';
}

const code = (text: string): string => (text === '' ? '' : `\`${text}\``);

const textOf = (value: unknown): string =>
  value === undefined ? '' : typeof value === 'string' ? value : JSON.stringify(value);
