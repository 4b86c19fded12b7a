import type { ErrorCode } from '@cutpoint/core';
import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { InferAnswer } from './models.js';

/** What metrics ask the fleet for when they are read. */
export interface FleetFigures {
  readonly devices: { readonly online: number; readonly offline: number };
  /** Since the start of the process, by link and direction. */
  readonly links: readonly { readonly from: string; readonly to: string; readonly bytes: number }[];
}

/** What is counted and timed; each server has its own. */
export interface Metrics {
  /** Counts a request as under way until the result is called with what came of it. */
  begin(model: string): (outcome: ErrorCode | 'ok', answer?: InferAnswer) => void;
  readonly contentType: string;
  /** The metrics as Prometheus reads them. */
  text(): Promise<string>;
}

const secondsBuckets = [0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30];

/** Makes the metrics. `fleet` is asked each time they are read. */
export function openMetrics(fleet?: () => FleetFigures): Metrics {
  const registry = new Registry();
  const registers = [registry];
  const requests = new Counter({
    name: 'cutpoint_requests_total',
    help: 'Inference requests that ended, by outcome: ok, or the code of the error.',
    labelNames: ['model', 'outcome'],
    registers,
  });
  const underWay = new Gauge({
    name: 'cutpoint_requests_under_way',
    help: 'Inference requests under way.',
    labelNames: ['model'],
    registers,
  });
  const total = secondsHistogram(registers, 'request', 'Inference requests, from head to answer.', ['model']);
  const labels = ['model', 'segment', 'device', 'phase'];
  const segments = secondsHistogram(
    registers,
    'segment',
    'Phases of a segment: queue, input, compute, output.',
    labels,
  );
  const links = secondsHistogram(registers, 'link', 'Phases of a link: codec, send.', ['model', 'from', 'to', 'phase']);
  processGauges(registers);
  if (fleet !== undefined) fleetGauges(registers, fleet);

  return {
    begin(model) {
      const startedAtMs = performance.now();
      underWay.inc({ model });
      return (outcome, answer) => {
        underWay.dec({ model });
        requests.inc({ model, outcome });
        total.observe({ model }, (performance.now() - startedAtMs) / 1000);
        if (answer !== undefined) observeAnswer(model, answer, segments, links);
      };
    },
    contentType: registry.contentType,
    text: () => registry.metrics(),
  };
}

function secondsHistogram(registers: Registry[], what: string, help: string, labelNames: string[]): Histogram {
  return new Histogram({ name: `cutpoint_${what}_seconds`, help, labelNames, buckets: secondsBuckets, registers });
}

function observeAnswer(model: string, { timing, path }: InferAnswer, segments: Histogram, links: Histogram): void {
  for (const [i, { queueMs, inputMs, computeMs, outputMs }] of timing.segments.entries()) {
    const phases = { queue: queueMs, input: inputMs, compute: computeMs, output: outputMs };
    for (const [phase, ms] of Object.entries(phases)) {
      if (ms === undefined) continue;
      segments.observe({ model, segment: String(i), device: path[i] ?? 'unknown', phase }, ms / 1000);
    }
  }
  for (const [i, { codecMs, sendMs }] of timing.links.entries()) {
    const link = { model, from: path[i] ?? 'unknown', to: path[i + 1] ?? 'unknown' };
    links.observe({ ...link, phase: 'codec' }, codecMs / 1000);
    links.observe({ ...link, phase: 'send' }, sendMs / 1000);
  }
}

function processGauges(registers: Registry[]): void {
  new Gauge({
    name: 'process_resident_memory_bytes',
    help: 'Memory of the process.',
    registers,
    collect() {
      this.set(process.memoryUsage.rss());
    },
  });
  new Counter({
    name: 'process_cpu_seconds_total',
    help: 'Processor time of the process.',
    registers,
    collect() {
      const { user, system } = process.cpuUsage();
      this.reset();
      this.inc((user + system) / 1e6);
    },
  });
}

function fleetGauges(registers: Registry[], fleet: () => FleetFigures): void {
  new Gauge({
    name: 'cutpoint_devices',
    help: 'Devices of the fleet that are known.',
    labelNames: ['state'],
    registers,
    collect() {
      const { online, offline } = fleet().devices;
      this.set({ state: 'online' }, online);
      this.set({ state: 'offline' }, offline);
    },
  });
  new Counter({
    name: 'cutpoint_link_bytes_total',
    help: 'Bytes that crossed a link.',
    labelNames: ['from', 'to'],
    registers,
    collect() {
      this.reset();
      for (const { bytes, ...link } of fleet().links) this.inc(link, bytes);
    },
  });
}
