import { availableParallelism, cpus, freemem, totalmem } from 'node:os';
import type { DeviceFacts } from '../messages.js';
import type { Measured } from './member.js';

/** What this machine is. */
export function factsOfThisDevice(version: string): DeviceFacts {
  return {
    version,
    platform: `${process.platform} ${process.arch}`,
    cpuModel: cpus()[0]?.model.trim() ?? 'unknown',
    cores: availableParallelism(),
    memoryBytes: totalmem(),
  };
}

/** Measures this process from one call to the next: memory, and which share of all cores it took. */
export function openProcessMeter(): () => Pick<Measured, 'memoryBytes' | 'freeMemoryBytes' | 'cpuShare'> {
  const cores = availableParallelism();
  let used = process.cpuUsage();
  let atMs = performance.now();
  return () => {
    const { user, system } = process.cpuUsage(used);
    const nowMs = performance.now();
    const share = (user + system) / 1000 / Math.max(1, nowMs - atMs) / cores;
    used = process.cpuUsage();
    atMs = nowMs;
    return { memoryBytes: process.memoryUsage.rss(), freeMemoryBytes: freemem(), cpuShare: Math.min(1, share) };
  };
}
