import { readFileSync } from 'node:fs';
import { DecoderRange } from '../decode/decoder-range.js';
import { readPackage } from '../package/read-package.js';
import { readTokenizerFiles } from '../text/tokenizer-files.js';
import { createTokenizer } from '../text/watched-text.js';

/** What a probe opens, as JSON in its first argument: layers, with the head if they are all, or the tokenizer. */
export interface MemoryProbe {
  readonly folder: string;
  readonly what: { readonly kind: 'layers'; readonly to: number } | { readonly kind: 'tokenizer' };
  readonly threads: number;
}

/** A process of its own: opens something and says how much memory that takes, in bytes. */
async function probe({ folder, what, threads }: MemoryProbe): Promise<void> {
  const { manifest } = await readPackage(folder);
  const { layers, vocabularySize } = manifest.config;
  const before = ownBytes();
  if (what.kind === 'tokenizer') {
    const files = manifest.tokenizer.length === 0 ? undefined : await readTokenizerFiles(folder);
    const tokenizer = files && createTokenizer(files.tokenizer, files.config, vocabularySize);
    process.stdout.write(String(tokenizer === undefined ? 0 : ownBytes() - before));
    return;
  }
  const range = { from: 0, to: what.to, head: what.to === layers };
  await using _ = await DecoderRange.open(folder, manifest, range, { threads });
  process.stdout.write(String(ownBytes() - before));
}

/** Without pages of files where the system tells them apart (Linux), as it takes those back when it needs memory. */
function ownBytes(): number {
  if (process.platform !== 'linux') return process.memoryUsage.rss();
  const kib = /^RssAnon:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1];
  return Number(kib) * 1024;
}

await probe(JSON.parse(process.argv[2] ?? '') as MemoryProbe);
