import type { ErrorCode } from '@cutpoint/core';
import { Counter, Gauge, Histogram, Registry } from 'prom-client';

/** What `/metrics` shows. */
export interface MetricsPage {
  readonly contentType: string;
  /** The metrics as Prometheus reads them. */
  text(): Promise<string>;
}

/** What every door counts and times; each has its own. */
export interface RequestMetrics extends MetricsPage {
  /** For what else is counted. */
  readonly registers: Registry[];
  /** Counts a request as under way until the result is called with what came of it. */
  begin(model: string): (outcome: ErrorCode | 'ok') => void;
}

const secondsBuckets = [0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30];

/** Makes the metrics of a door: its requests, and the memory and time of the process. */
export function openMetrics(): RequestMetrics {
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
  processGauges(registers);
  return {
    registers,
    begin(model) {
      const startedAtMs = performance.now();
      underWay.inc({ model });
      return (outcome) => {
        underWay.dec({ model });
        requests.inc({ model, outcome });
        total.observe({ model }, (performance.now() - startedAtMs) / 1000);
      };
    },
    contentType: registry.contentType,
    text: () => registry.metrics(),
  };
}

/** A histogram `cutpoint_WHAT_seconds`. */
export function secondsHistogram(registers: Registry[], what: string, help: string, labelNames: string[]): Histogram {
  return new Histogram({ name: `cutpoint_${what}_seconds`, help, labelNames, buckets: secondsBuckets, registers });
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
