import { cpus } from 'node:os';
import { join } from 'node:path';
import type { MeterSurroundings } from '../power/power-meter.js';
import { readText } from '../power/read-sysfs.js';
import { runCommand } from '../power/run-command.js';

export interface Cpu {
  readonly name: string;
  readonly instructionSets: readonly string[];
}

/** What arithmetic gains from, by the names that Linux gives them. */
const relevant = new Set([
  ...['sse4_1', 'sse4_2', 'f16c', 'fma', 'avx', 'avx2', 'avx512f', 'avx512bw', 'avx512vl', 'avx512_vnni', 'avx_vnni'],
  ...['avx512_bf16', 'avx512_fp16', 'amx_tile', 'amx_int8', 'amx_bf16'],
  ...['neon', 'asimd', 'dotprod', 'fp16', 'i8mm', 'bf16', 'sve', 'sve2', 'sme'],
]);

/** Names that mean the same. */
const sameAs: Readonly<Record<string, string>> = {
  asimd: 'neon',
  asimddp: 'dotprod',
  asimdhp: 'fp16',
  feat_dotprod: 'dotprod',
  feat_fp16: 'fp16',
  feat_i8mm: 'i8mm',
  feat_bf16: 'bf16',
  feat_sme: 'sme',
  advsimd: 'neon',
  avx1_0: 'avx',
  avx2_0: 'avx2',
};

/** The processor's name and those of its instruction sets that matter to arithmetic. */
export async function describeCpu({ root = '/', command = runCommand }: MeterSurroundings = {}): Promise<Cpu> {
  const info = await readText(join(root, 'proc/cpuinfo'));
  if (info !== undefined) return fromCpuInfo(info);
  const sysctl = await command('sysctl', ['machdep.cpu', 'hw.optional']);
  return sysctl === undefined ? { name: fallbackName(), instructionSets: [] } : fromSysctl(sysctl);
}

/** Reads Linux' `/proc/cpuinfo`: `flags` on x86, `Features` on ARM; of several processors the first. */
export function fromCpuInfo(text: string): Cpu {
  const field = (name: string) => new RegExp(`^${name}[ \\t]*:[ \\t]*(.+)$`, 'm').exec(text)?.[1]?.trim();
  const words = (field('flags') ?? field('Features') ?? '').split(/\s+/);
  return { name: field('model name') ?? fallbackName(), instructionSets: known(words) };
}

/** Reads what macOS' `sysctl machdep.cpu hw.optional` prints. */
export function fromSysctl(text: string): Cpu {
  const lines = text.split('\n').map((line) => line.split(/:\s*/, 2));
  const value = (name: string) => lines.find(([key]) => key === name)?.[1];
  const optional = lines.flatMap(([key = '', on]) => (on === '1' ? [key.split('.').at(-1) ?? ''] : []));
  const flags = ['machdep.cpu.features', 'machdep.cpu.leaf7_features'].flatMap((key) => value(key)?.split(' ') ?? []);
  return { name: value('machdep.cpu.brand_string') ?? fallbackName(), instructionSets: known([...optional, ...flags]) };
}

function known(words: readonly string[]): string[] {
  const names = words.map((word) => word.toLowerCase()).map((word) => sameAs[word] ?? word);
  return [...new Set(names.filter((name) => relevant.has(name)))].sort();
}

function fallbackName(): string {
  return cpus()[0]?.model ?? 'unknown';
}
