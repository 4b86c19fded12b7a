import {
  type ChatTemplate,
  chatTemplateOf,
  createTokenizer,
  manifestHash,
  type PackageManifest,
  readPackage,
  readTokenizerFiles,
  type Tokenizer,
} from '@cutpoint/llm';
import { ClusterDecoder, type ClusterOptions } from './control/cluster-decoder.js';
import { usualChunkTokens } from './control/formation.js';
import { requireCores } from './control/require-cores.js';
import { ShardStore } from './control/shard-store.js';
import type { ReduceRule, Topology } from './group/rank-group.js';

/** A package that is open on several machines: its decoder and its tokenizer. */
export interface ClusterModel extends AsyncDisposable {
  readonly manifest: PackageManifest;
  readonly decoder: ClusterDecoder;
  readonly tokenizer: Tokenizer;
  /** Undefined for a model without one. @throws CutpointError CUT_CHAT_TEMPLATE for one that is wrong. */
  readonly template: () => ChatTemplate | undefined;
}

export interface ClusterModelOptions extends Omit<ClusterOptions, 'made' | 'store' | 'rules' | 'chunkTokens'> {
  /** The folder in which rank 0 keeps its shards. */
  readonly shards: string;
  /** Who sends to whom when ranks add up; `auto`: as they find best when they have measured their links. */
  readonly allReduce: 'auto' | Topology;
}

/**
 * Brings ranks together that have a package between them; this process is rank 0.
 * @throws CutpointError CUT_USAGE if there are fewer cores than threads; as `readPackage`, `readTokenizerFiles`, `createTokenizer` and `ClusterDecoder.open`.
 */
export async function openClusterModel(folder: string, options: ClusterModelOptions): Promise<ClusterModel> {
  const { shards, allReduce, ...rest } = options;
  requireCores(options.threads);
  const { manifest } = await readPackage(folder);
  const files = await readTokenizerFiles(folder);
  const tokenizer = createTokenizer(files.tokenizer, files.config, manifest.config.vocabularySize);
  const onDamaged = (what: string) => options.onEvent?.({ kind: 'damaged-shard', what });
  const store = new ShardStore(shards, { onDamaged });
  const made = { folder, manifest, hash: await manifestHash(folder) };
  const rules = rulesOf(allReduce);
  const decoder = await ClusterDecoder.open({ ...rest, made, store, chunkTokens: usualChunkTokens, rules }).catch(
    async (thrown: unknown) => {
      await store[Symbol.asyncDispose]();
      throw thrown;
    },
  );
  const template = () => chatTemplateOf(files.config, files.template);
  const dispose = async () => {
    await decoder[Symbol.asyncDispose]();
    await store[Symbol.asyncDispose]();
  };
  return { manifest, decoder, tokenizer, template, [Symbol.asyncDispose]: dispose };
}

function rulesOf(topology: ClusterModelOptions['allReduce']): readonly ReduceRule[] | undefined {
  return topology === 'auto' ? undefined : [{ mostBytes: Number.POSITIVE_INFINITY, topology, payload: 'f32' }];
}
