import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeEach, describe, expect, it } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { loadConfig, type Config } from '../src/config/load.js';
import { packageVersion } from '../src/config/package-version.js';
import { alerts, ruleFiles } from './deploy/rule-files.js';

const chart = fileURLToPath(new URL('../helm/tagstream', import.meta.url));

const helm = [
  ...(process.env['PATH'] ?? '').split(delimiter),
  join(homedir(), '.cache/tagstream/bin'),
  join(process.env['GOPATH'] ?? join(homedir(), 'go'), 'bin'),
]
  .map((folder) => join(folder, 'helm'))
  .find((path) => existsSync(path));

interface Probe {
  readonly httpGet: { readonly path: string; readonly port: string };
  readonly periodSeconds: number;
  readonly failureThreshold: number;
}

interface Container {
  readonly args: readonly string[];
  readonly env?: readonly { readonly name: string; readonly value?: string; readonly valueFrom?: unknown }[];
  readonly ports: readonly { readonly name: string; readonly containerPort: number }[];
  readonly startupProbe: Probe;
  readonly livenessProbe: Probe;
  readonly readinessProbe: Probe;
  readonly securityContext: unknown;
  readonly volumeMounts: readonly { readonly name: string; readonly mountPath: string }[];
}

interface Pod {
  readonly terminationGracePeriodSeconds: number;
  readonly enableServiceLinks: boolean;
  readonly securityContext: unknown;
  readonly containers: readonly Container[];
  readonly volumes: readonly { readonly name: string }[];
}

interface Manifest {
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly data?: Readonly<Record<string, string>>;
  readonly spec?: { readonly template?: { readonly metadata: { annotations: unknown }; readonly spec: Pod } };
}

/** Renders the chart with a values file of these values, as a release called "stream". */
function render(values: Readonly<Record<string, unknown>> = {}): readonly Manifest[] {
  const folder = mkdtempSync(join(tmpdir(), 'tagstream-helm-'));
  try {
    const file = join(folder, 'values.yaml');
    // JSON is YAML.
    writeFileSync(file, JSON.stringify(values));
    const rendered = execFileSync(helm ?? 'helm', ['template', 'stream', chart, '--values', file], {
      encoding: 'utf8',
      stdio: 'pipe',
    });
    return parseAllDocuments(rendered).map((document) => document.toJS() as Manifest);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function podOf(manifests: readonly Manifest[]) {
  const template = manifests.find(({ kind }) => kind === 'Deployment')?.spec?.template;
  const container = template?.spec.containers[0];
  if (template === undefined || container === undefined) throw new Error('no Deployment with a container');
  return { annotations: template.metadata.annotations, pod: template.spec, container };
}

/** What the agent makes of the rendered file and variables. Throws where it would refuse them. */
function configOf(manifests: readonly Manifest[], secret = 'secret'): Config {
  const text = manifests.find(({ kind }) => kind === 'ConfigMap')?.data?.['tagstream.yaml'] ?? '';
  const folder = mkdtempSync(join(tmpdir(), 'tagstream-helm-'));
  try {
    const file = join(folder, 'tagstream.yaml');
    writeFileSync(file, text);
    const env = podOf(manifests).container.env ?? [];
    const environment = Object.fromEntries(env.map(({ name, value }) => [name, value ?? secret]));
    return loadConfig({ file, environment, required: ['kafka.brokers'] });
  } finally {
    rmSync(folder, { recursive: true });
  }
}

interface Group {
  readonly name: string;
  readonly rules: readonly { readonly annotations?: Readonly<Record<string, string>> }[];
}

const byName = (one: Group, other: Group): number => (one.name < other.name ? -1 : 1);

/** The groups of rules that the Prometheus operator would load. */
function rulesOf(manifests: readonly Manifest[]): readonly Group[] {
  const manifest = manifests.find(({ kind }) => kind === 'PrometheusRule');
  return (manifest?.spec as { readonly groups: readonly Group[] } | undefined)?.groups ?? [];
}

describe('the Helm chart', () => {
  it('has the version of the package', () => {
    const { version, appVersion } = parse(readFileSync(join(chart, 'Chart.yaml'), 'utf8')) as Record<
      string,
      string
    >;
    expect([version, appVersion]).toEqual([packageVersion, packageVersion]);
  });
});

describe('the Helm chart, rendered', () => {
  beforeEach(({ skip }) => {
    if (helm === undefined && process.env['REQUIRE_HELM'] === '1')
      throw new Error('helm is missing (.ci/helm)');
    skip(helm === undefined, 'helm is neither on the PATH nor among Go’s programs');
  });

  it('passes helm’s own lint', () => {
    expect(() => execFileSync(helm ?? 'helm', ['lint', '--strict', chart], { stdio: 'pipe' })).not.toThrow();
  });

  it('has the parts that a default installation needs and no more', () => {
    const kinds = render().map(({ kind }) => kind);
    expect(kinds.sort()).toEqual(['ConfigMap', 'Deployment', 'Service', 'ServiceAccount']);
  });

  it('gives the agent a configuration that it takes', () => {
    const config = configOf(render());
    expect(config.kafka.brokers).toEqual(['kafka:9092']);
    expect(config.web).toMatchObject({ host: '0.0.0.0', port: 8080 });
  });

  it('runs the agent with the mounted file', () => {
    const { container, pod } = podOf(render());
    expect(container.args).toEqual(['run', '--config', '/etc/tagstream/tagstream.yaml']);
    expect(container.volumeMounts.map(({ mountPath }) => mountPath)).toContain(
      '/etc/tagstream/tagstream.yaml',
    );
    const volumes = pod.volumes.map(({ name }) => name);
    for (const { name } of container.volumeMounts) expect(volumes).toContain(name);
  });

  it('asks /healthz whether the agent lives and /readyz whether it can work, on the port it listens on', () => {
    const manifests = render({ config: { web: { port: 9000 } } });
    const { annotations, container } = podOf(manifests);
    expect(container.startupProbe.httpGet).toEqual({ path: '/healthz', port: 'http' });
    expect(container.livenessProbe.httpGet).toEqual({ path: '/healthz', port: 'http' });
    expect(container.readinessProbe.httpGet).toEqual({ path: '/readyz', port: 'http' });
    expect(container.ports).toEqual([{ name: 'http', containerPort: 9000 }]);
    expect(annotations).toMatchObject({ 'prometheus.io/port': '9000', 'prometheus.io/path': '/metrics' });
    expect(configOf(manifests).web.port).toBe(9000);
  });

  it.each([1, 1_500, 60_000, 3_600_000])('waits longer than a drain of %i ms may take', (timeoutMs) => {
    const manifests = render({ config: { shutdown: { timeoutMs } } });
    expect(configOf(manifests).shutdown.timeoutMs).toBe(timeoutMs);
    expect(podOf(manifests).pod.terminationGracePeriodSeconds * 1000).toBeGreaterThanOrEqual(
      timeoutMs + 10_000,
    );
  });

  it('runs without privileges on a file system it cannot write to', () => {
    const { container, pod } = podOf(render());
    expect(pod.securityContext).toMatchObject({ runAsNonRoot: true, runAsUser: 1000 });
    expect(container.securityContext).toEqual({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    });
  });

  it('keeps Kubernetes from setting variables that the agent would take for settings', () => {
    expect(podOf(render()).pod.enableServiceLinks).toBe(false);
  });

  it('takes secrets from an existing Secret and nowhere else', () => {
    const manifests = render({
      config: { kafka: { sasl: { mechanism: 'scram-sha-512', username: 'agent' } } },
      secret: { existing: 'kafka-user', environment: { TAGSTREAM_KAFKA_SASL_PASSWORD: 'password' } },
    });
    expect(podOf(manifests).container.env).toEqual([
      {
        name: 'TAGSTREAM_KAFKA_SASL_PASSWORD',
        valueFrom: { secretKeyRef: { name: 'kafka-user', key: 'password' } },
      },
    ]);
    expect(configOf(manifests, 'hunter2').kafka.sasl?.password.reveal()).toBe('hunter2');
    expect(() => render({ config: { kafka: { sasl: { password: 'hunter2' } } } })).toThrow(/sasl\/password/);
    expect(() => render({ secret: { environment: { TAGSTREAM_X: 'x' } } })).toThrow(/secret\.existing/);
  });

  it('takes the values that docs/kubernetes.md shows, and gives the agent what they say', () => {
    const page = readFileSync(new URL('../docs/kubernetes.md', import.meta.url), 'utf8');
    const [, values = ''] = /```yaml\n(.*?)```/s.exec(page) ?? [];
    const manifests = render(parse(values) as Record<string, unknown>);
    const secret = 'a-secret-of-enough-characters';
    const { kafka, web, inference } = configOf(manifests, secret);
    expect(kafka.sasl?.password.reveal()).toBe(secret);
    expect(web.token?.reveal()).toBe(secret);
    expect([kafka.tls.enabled, web.hosts, inference.workers]).toEqual([true, ['tagstream.example'], 2]);
    const kinds = manifests.map(({ kind }) => kind);
    expect(kinds).toEqual(
      expect.arrayContaining(['PodDisruptionBudget', 'ServiceMonitor', 'PrometheusRule', 'Deployment']),
    );
    expect(manifests.find(({ kind }) => kind === 'Deployment')?.metadata.name).toBe('stream-tagstream');
  });

  it('refuses values that it does not know', () => {
    expect(() => render({ replicas: 3 })).toThrow(/replicas/);
  });

  it('has a ServiceMonitor and a PodDisruptionBudget where they are asked for', () => {
    const kinds = render({
      metrics: { serviceMonitor: { enabled: true } },
      podDisruptionBudget: { enabled: true },
    }).map(({ kind }) => kind);
    expect(kinds).toEqual(expect.arrayContaining(['ServiceMonitor', 'PodDisruptionBudget']));
  });

  it('has the rules of deploy/prometheus where they are asked for, with the runbook’s own address', () => {
    const runbook = 'https://wiki.example/runbook.md';
    const groups = rulesOf(render({ metrics: { prometheusRule: { enabled: true, runbook } } }));
    const expected = ruleFiles.flatMap((file) => {
      const text = readFileSync(file, 'utf8').replaceAll('docs/runbook.md', runbook);
      return (parse(text.replace(/^#.*$/gm, '')) as { groups: readonly Group[] }).groups;
    });
    expect(groups.toSorted(byName)).toEqual(expected.toSorted(byName));
    const links = groups.flatMap(({ rules }) =>
      rules.flatMap(({ annotations }) => annotations?.['runbook_url'] ?? []),
    );
    expect(links).toHaveLength(alerts.length);
    for (const link of links) expect(link).toMatch(/^https:\/\/wiki\.example\/runbook\.md#tagstream[a-z]+$/);
  });
});
