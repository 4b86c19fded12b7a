import type { EmbeddingTable } from '../../decode/embedding-table.js';
import type { RangeDecoder } from '../../decode/range-decoder.js';
import type { LayerRange } from '../../graph/range.js';
import type { PackageManifest } from '../../package/package-manifest.js';
import type { Split } from '../split-protocol.js';
import type { AgentParts } from './split-decoder.js';

/** How the parts of a package are opened where the agent is. */
export interface PartOpeners {
  readonly embedding: () => Promise<EmbeddingTable>;
  readonly front: (range: LayerRange) => Promise<RangeDecoder>;
  /** Its range has no layers. */
  readonly head: (range: LayerRange) => Promise<RangeDecoder>;
}

/** Opens what an agent holds of a split: what was opened is closed where the rest cannot be. @throws as the openers do. */
export async function openAgentParts(
  { config: { layers } }: PackageManifest,
  { at, private: hides }: Split,
  openers: PartOpeners,
): Promise<Pick<AgentParts, 'embedding' | 'front' | 'head'>> {
  const close: (() => Promise<void>)[] = [];
  try {
    const embedding = await openers.embedding();
    close.push(() => embedding[Symbol.asyncDispose]());
    const front = at > 0 ? await openers.front({ from: 0, to: at, head: false }) : undefined;
    if (front !== undefined) close.push(() => front.dispose());
    const head = hides ? await openers.head({ from: layers, to: layers, head: true }) : undefined;
    return { embedding, front, head };
  } catch (thrown) {
    for (const end of close.reverse()) await end();
    throw thrown;
  }
}
