import { at, element } from './elements.js';
import { absences, duration, rate, rejections } from './wording.js';

/** Partitions that are told one by one. */
const mostPartitions = 8;

function rows(pairs) {
  return pairs.map(([name, value]) => element('div', '', element('dt', '', name), element('dd', '', value)));
}

function tallyRows(counts, names) {
  const sorted = Object.entries(counts).sort((a, b) => b[1] - a[1]);
  if (sorted.length === 0) return [element('div', 'nothing', element('dt', '', 'none yet'))];
  return rows(sorted.map(([name, count]) => [names[name] ?? name, count.toLocaleString()]));
}

function showAgent({ unready, unhealthy, partitions, trouble }) {
  const reasons = [...unhealthy, ...unready];
  at('state').textContent = reasons.length === 0 ? 'ready' : reasons.join('; ');
  at('state').dataset.state = reasons.length === 0 ? 'ready' : 'unready';
  at('partitions').hidden = partitions.length === 0;
  const told = partitions.slice(0, mostPartitions);
  const others = partitions.length - told.length;
  at('partition-rows').replaceChildren(
    ...rows([
      ...told.map(({ topic, partition, lagRecords, lagSeconds }) => [
        `${topic}/${partition}`,
        lagRecords === 0 ? 'up to date' : `${lagRecords.toLocaleString()} behind, ${duration(lagSeconds)}`,
      ]),
      ...(others > 0 ? [[`and ${others} more`, '']] : []),
    ]),
  );
  at('trouble').hidden = trouble === undefined;
  if (trouble === undefined) return;
  at('trouble-what').textContent = `${new Date(trouble.at).toLocaleTimeString()}: ${trouble.what}`;
  at('trouble-detail').textContent = trouble.detail;
  at('trouble-remedy').textContent = trouble.remedy;
}

/** The numbers and the state of the agent, as of this second. */
export function showStats(stats) {
  const { about, latencySeconds: latency } = stats;
  at('input').textContent = about.input;
  at('output').textContent = about.output;
  at('model').textContent = `${about.model.name} ${about.model.version}`;
  at('provider').textContent = about.provider;
  at('version').textContent = about.version;
  at('uptime').textContent = duration(Math.floor(stats.uptimeSeconds));
  at('tagged').textContent = stats.tagged.toLocaleString();
  at('rate').textContent = rate(stats.postsPerSecond);
  at('p50').textContent = latency === undefined ? '–' : duration(latency.p50);
  at('p95').textContent = latency === undefined ? '–' : duration(latency.p95);
  at('images').replaceChildren(...tallyRows(stats.images, { used: 'used', ...absences }));
  const untagged = { ...stats.deadLettered };
  for (const [reason, count] of Object.entries(stats.skipped))
    untagged[`skipped: ${rejections[reason]}`] = count;
  if (stats.tombstones > 0) untagged['withdrawn'] = stats.tombstones;
  at('untagged').replaceChildren(...tallyRows(untagged, rejections));
  showAgent(stats.agent);
}
