import { DecoderRange } from '../decode/decoder-range.js';
import { readPackage } from '../package/read-package.js';

/** What a probe runs, as JSON in its first argument. */
export interface MemoryProbe {
  readonly folder: string;
  readonly from: number;
  readonly to: number;
  readonly head: boolean;
  readonly threads: number;
  readonly chunkTokens: number;
  readonly tokens: number;
}

/** A process of its own: opens layers, runs tokens through them and says how much memory it had at its most, in bytes. */
async function probe({ folder, from, to, head, threads, chunkTokens, tokens }: MemoryProbe): Promise<void> {
  const { manifest } = await readPackage(folder);
  const range = await DecoderRange.open(folder, manifest, { from, to, head }, { threads, chunkTokens });
  const rows = new Float32Array(tokens * manifest.config.hiddenSize).fill(0.5);
  await range.forward(range.sequence(), rows);
  await range.forward(range.sequence(), new Float32Array(manifest.config.hiddenSize).fill(0.5));
  // In KB on every system that Node runs on.
  process.stdout.write(String(process.resourceUsage().maxRSS * 1024));
  await range.dispose();
}

await probe(JSON.parse(process.argv[2] ?? '') as MemoryProbe);
