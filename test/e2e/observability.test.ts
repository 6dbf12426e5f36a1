import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createMetrics } from '../../src/telemetry/metrics.js';
import { dashboards, panelsOf } from '../deploy/dashboard-files.js';
import { rules, ruleFiles } from '../deploy/rule-files.js';
import { startTagstream, type AgentProcess } from '../support/agent-process.js';
import { demoPhotos, startImageServer } from '../support/image-server.js';
import { describeWithKafka } from '../support/kafka.js';
import { describeWithPrometheus, startPrometheus, type PrometheusServer } from '../support/prometheus.js';
import { produce } from '../support/transport.js';

/** Batches of posts, one a second, so that rates have something to go by. */
const batches = 12;

/** A little of everything that is counted. */
function posts(batch: number, photos: string): (string | null)[] {
  const post = (name: string, more: object = {}) =>
    JSON.stringify({
      id: `${batch}-${name}`,
      text: `post ${batch} ${name}: wildflowers in the rain`,
      ...more,
    });
  const photo = [...demoPhotos().keys()][batch % demoPhotos().size] ?? '';
  return [
    ...Array.from({ length: 12 }, (_, index) => post(`text-${index}`)),
    post('photo', { images: [`${photos}/photos/${photo}`] }),
    post('missing', { images: [`${photos}/status/404`] }),
    post('enriched', { enrichment: { entities: ['daisy'], match: 0.5 + (batch % 5) / 10 } }),
    'this is not JSON',
    JSON.stringify({ id: `${batch}-empty`, text: ' ' }),
    null,
  ];
}

describeWithPrometheus('a real Prometheus', () => {
  describeWithKafka('that scrapes an agent at work', (broker) => {
    /** What ends the parts that have started, however far that went. */
    const ends: (() => Promise<unknown>)[] = [];
    let agent: AgentProcess;
    let address = '';
    let prometheus: PrometheusServer;

    beforeAll(async () => {
      const images = await startImageServer();
      ends.push(images.stop);
      const inputTopic = await broker.createTopic('posts', { partitions: 2 });
      agent = startTagstream(['run', '--port', '0', '--brokers', broker.brokers.join(',')], {
        TAGSTREAM_KAFKA_INPUT_TOPIC: inputTopic,
        TAGSTREAM_KAFKA_OUTPUT_TOPIC: await broker.createTopic('keyphrases'),
        TAGSTREAM_KAFKA_DEAD_LETTER_TOPIC: await broker.createTopic('dead'),
        TAGSTREAM_KAFKA_GROUP_ID: inputTopic,
        TAGSTREAM_IMAGES_ALLOW: images.allow,
        TAGSTREAM_NOISE_SKIP: 'empty',
      });
      ends.push(() => {
        agent.process.kill('SIGTERM');
        return agent.exited;
      });
      await until(async () => {
        address = /"address":"([^"]+)"/.exec(agent.stderr())?.[1] ?? '';
        return address !== '' && (await fetch(`${address}/readyz`)).ok;
      });
      prometheus = await startPrometheus(new URL(address).host, ruleFiles);
      ends.push(prometheus.stop);
      for (let batch = 0; batch < batches; batch += 1) {
        const values = posts(batch, images.url);
        await produce(
          broker,
          inputTopic,
          values.map((value, index) => ({ key: `${batch}-${index}`, value, partition: index % 2 })),
        );
        await sleep(1_000);
      }
      const sent = batches * posts(0, '').length;
      await until(async () => {
        const [done] = await prometheus.query('sum(tagstream_post_duration_seconds_count)');
        return Number(done?.value[1] ?? 0) >= sent;
      });
      // Two more scrapes and evaluations: what the rules record follows.
      await sleep(3_000);
    }, 180_000);

    afterAll(async () => {
      for (const end of ends.reverse()) await end();
    });

    async function until(condition: () => Promise<boolean>): Promise<void> {
      while (!(await condition())) {
        if (agent.process.exitCode !== null) throw new Error(`the agent ended:\n${agent.stderr()}`);
        await sleep(100);
      }
    }

    it('finds no fault in what it is given', async () => {
      const { activeTargets } = await prometheus.get<{
        activeTargets: { health: string; lastError: string }[];
      }>('targets');
      expect(activeTargets.map(({ health, lastError }) => [health, lastError])).toEqual([['up', '']]);
    });

    it('knows every metric of docs/metrics.md with its type and help, and no other', async () => {
      const known = await prometheus.get<Record<string, { type: string; help: string }[]>>('metadata');
      const scraped = Object.entries(known)
        .filter(([name]) => name.startsWith('tagstream_'))
        .map(([name, [metadata]]) => [name, metadata?.type, metadata?.help]);
      const documented = createMetrics().descriptions.map(({ name, type, help }) => [
        // OpenMetrics names a counter without its suffix.
        type === 'counter' ? name.replace(/_total$/, '') : name,
        type,
        help,
      ]);
      expect(scraped.sort()).toEqual(documented.sort());
    });

    it('sees no label, and no value of a closed list, that docs/metrics.md does not name', async () => {
      const documented = new Map(createMetrics().descriptions.map(({ name, labels }) => [name, labels]));
      const samples = await prometheus.query('{__name__=~"tagstream_.+"}');
      expect(samples.length).toBeGreaterThan(100);
      for (const { metric } of samples) {
        const { __name__: name = '', job: _job, instance: _instance, le: _le, ...labels } = metric;
        const allowed = documented.get(name) ?? documented.get(name.replace(/_(bucket|sum|count)$/, ''));
        expect(Object.keys(labels).sort(), name).toEqual(Object.keys(allowed ?? {}).sort());
        for (const [label, value] of Object.entries(labels)) {
          const values = allowed?.[label] ?? [];
          if (typeof values !== 'string') expect(values, `${name} ${label}`).toContain(value);
        }
      }
    });

    it('keeps exemplars that name a record by its place', async () => {
      const now = Date.now() / 1000;
      const found = await prometheus.get<{ exemplars: { labels: Record<string, string> }[] }[]>(
        'query_exemplars',
        {
          query: 'tagstream_post_duration_seconds_bucket',
          start: String(now - 300),
          end: String(now),
        },
      );
      const places = found.flatMap(({ exemplars }) => exemplars.map(({ labels }) => labels));
      expect(places.length).toBeGreaterThan(0);
      for (const place of places) {
        expect(place).toEqual({
          partition: expect.stringMatching(/^[01]$/),
          offset: expect.stringMatching(/^\d+$/),
        });
      }
    });

    it('evaluates every rule without a fault, and no alert fires', async () => {
      const { groups } = await prometheus.get<{
        groups: { rules: { name: string; health: string; lastError?: string; state?: string }[] }[];
      }>('rules');
      const evaluated = groups.flatMap((group) => group.rules);
      expect(evaluated).toHaveLength(rules.length);
      expect(evaluated.filter(({ health }) => health !== 'ok')).toEqual([]);
      expect(evaluated.filter(({ state }) => state === 'firing')).toEqual([]);
    });

    it.each(dashboards)('has data for every panel of $title', async (dashboard) => {
      const empty: string[] = [];
      for (const { title, queries } of panelsOf(dashboard)) {
        expect(queries.length).toBeGreaterThan(0);
        for (const query of queries) {
          const samples = await prometheus.query(filledIn(query));
          if (!samples.some(({ value: [, value] }) => Number.isFinite(Number(value)))) {
            empty.push(`${title}: ${query}`);
          }
        }
      }
      expect(empty).toEqual([]);
    });
  });
});

/** The query as Grafana would send it with everything chosen. */
function filledIn(query: string): string {
  return query.replaceAll('$job', '.+').replaceAll('$instance', '.+').replaceAll('$__rate_interval', '1m');
}
