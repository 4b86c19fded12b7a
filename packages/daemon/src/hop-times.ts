import { CutpointError } from '@cutpoint/core';
import type { RunTiming } from '@cutpoint/runtime';
import type { Reply } from '@cutpoint/wire';
import { z } from 'zod';

const ms = z.number().nonnegative();
const stageTimes = z.object({
  /** Waiting for the segment's worker, and the inference itself. */
  queueMs: ms,
  computeMs: ms,
  /** From the arrival at the segment to its result. */
  totalMs: ms,
});
const linkTimes = z.object({
  /** Making bytes of tensors and tensors of bytes, codecs included, on both sides. */
  codecMs: ms,
  /** On the network, both ways. */
  sendMs: ms,
});

/** Where the time went, stage by stage and link by link, from one device of the chain on. */
export const hopTimes = z.object({ stages: z.array(stageTimes).max(64), links: z.array(linkTimes).max(64) });
export type HopTimes = z.output<typeof hopTimes>;

/** The meta data of a reply to `infer`. */
export type HopReport = {
  readonly times: HopTimes;
  /** What decoding the request's tensors took there; it belongs to the link before. */
  readonly codecMs: number;
};

/** By hand, as this is done for every request, when the caches hold the segment and not us. */
function isHopReport(value: unknown): value is HopReport {
  if (!isRecord(value) || !isMs(value.codecMs) || !isRecord(value.times)) return false;
  const { stages, links } = value.times;
  return (
    isListOf(stages, (stage) => isMs(stage.queueMs) && isMs(stage.computeMs) && isMs(stage.totalMs)) &&
    isListOf(links, (link) => isMs(link.codecMs) && isMs(link.sendMs))
  );
}

const mostHops = 64;

function isListOf(value: unknown, check: (item: Record<string, unknown>) => boolean): boolean {
  return Array.isArray(value) && value.length <= mostHops && value.every((item) => isRecord(item) && check(item));
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

function isMs(value: unknown): value is number {
  return typeof value === 'number' && value >= 0;
}

/** The times of one run of a segment. */
export function stageTimesOf(timing: RunTiming, totalMs: number): HopTimes['stages'][number] {
  return { queueMs: timing.queueUs / 1000, computeMs: timing.computeUs / 1000, totalMs };
}

/** What a reply of the next device says about the chain from here on. @throws CutpointError CUT_MODEL_MISMATCH */
export function hopTimesOf(reply: Reply, codecMs: number): HopTimes {
  const report: unknown = reply.meta;
  if (!isHopReport(report)) {
    const message = 'The next device does not say where the time went: the devices are of different versions.';
    throw new CutpointError('CUT_MODEL_MISMATCH', message);
  }
  const { encodeUs, decodeUs, networkUs } = reply.timing;
  const { times, codecMs: remoteCodecMs } = report;
  const link = { codecMs: codecMs + remoteCodecMs + (encodeUs + decodeUs) / 1000, sendMs: networkUs / 1000 };
  return { stages: times.stages, links: [link, ...times.links] };
}
