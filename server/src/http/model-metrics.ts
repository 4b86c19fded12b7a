import type { ErrorCode } from '@cutpoint/core';
import { type MetricsPage, openMetrics, secondsHistogram } from '@cutpoint/http';
import { Counter, Gauge, type Histogram, type Registry } from 'prom-client';
import type { InferAnswer } from './models.js';

/** What metrics ask the fleet for when they are read. */
export interface FleetFigures {
  readonly devices: { readonly online: number; readonly offline: number };
  /** Since the start of the process, by link and direction. */
  readonly links: readonly { readonly from: string; readonly to: string; readonly bytes: number }[];
}

/** What is counted and timed of models. */
export interface ModelMetrics extends MetricsPage {
  /** Counts a request as under way until the result is called with what came of it. */
  begin(model: string): (outcome: ErrorCode | 'ok', answer?: InferAnswer) => void;
}

/** Makes the metrics. `fleet` is asked each time they are read. */
export function openModelMetrics(fleet?: () => FleetFigures): ModelMetrics {
  const { registers, begin, contentType, text } = openMetrics();
  const labels = ['model', 'segment', 'device', 'phase'];
  const segments = secondsHistogram(
    registers,
    'segment',
    'Phases of a segment: queue, input, compute, output.',
    labels,
  );
  const links = secondsHistogram(registers, 'link', 'Phases of a link: codec, send.', ['model', 'from', 'to', 'phase']);
  if (fleet !== undefined) fleetGauges(registers, fleet);
  return {
    begin(model) {
      const end = begin(model);
      return (outcome, answer) => {
        end(outcome);
        if (answer !== undefined) observeAnswer(model, answer, segments, links);
      };
    },
    contentType,
    text,
  };
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
