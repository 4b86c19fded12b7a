import { basename } from 'node:path';
import { CutpointError } from '@cutpoint/core';
import { limits } from '../package/manifest-schema.js';
import { arrangeTensors, type TensorNames } from './arrange-tensors.js';
import type { Checkpoint, CheckpointTensor, LayerTensorName } from './checkpoint.js';
import { requireConsistent } from './consistent-config.js';
import { readFloats } from './decode-rows.js';
import { configFromGguf, familyOf, type GgufTensorFacts } from './gguf-config.js';
import { type GgufTensor, readGgufHeader } from './gguf-header.js';
import { GgufMetadata } from './gguf-metadata.js';
import { ggufTokenizer } from './gguf-tokenizer.js';
import { openSource, type SourceFile } from './source-file.js';
import { rowBytes, type TensorEncoding } from './tensor-encoding.js';
import { inHalves, rowsOf } from './tensor-rows.js';
import { requireTokenizer } from './tokenizer-fit.js';

/** ggml's numbers of the element types that can be read (enum ggml_type in ggml.h). */
const encodingOf: Readonly<Record<number, TensorEncoding>> = {
  0: 'f32',
  1: 'f16',
  2: 'q4_0',
  8: 'q8_0',
  12: 'q4_k',
  13: 'q5_k',
  14: 'q6_k',
  30: 'bf16',
};

/** @throws CutpointError CUT_FILE_NOT_FOUND, CUT_CHECKPOINT, CUT_TOKENIZER */
export async function openGguf(path: string): Promise<Checkpoint> {
  const file = await openSource(path);
  const close = () => file[Symbol.asyncDispose]();
  try {
    const header = await readGgufHeader(file);
    const metadata = new GgufMetadata(path, header.metadata);
    if ((metadata.number('split.count') ?? 1) > 1) {
      throw metadata.unsupported('it is one of several files (join them with `llama-gguf-split --merge`)');
    }
    const { key } = familyOf(metadata);
    const tensors = new Map(header.tensors.map((tensor) => [tensor.name, tensor]));
    const find = (name: string) => {
      const tensor = tensors.get(name);
      return tensor && tensorOf(file, tensor);
    };
    const config = requireConsistent(configFromGguf(metadata, await factsOf(metadata, find)), path);
    const tokenizer = ggufTokenizer(metadata);
    requireTokenizer(tokenizer, config, path);
    // llama.cpp pairs neighbours in this architecture alone.
    const arranged = arrangeTensors(config, names, (name, role) => {
      const tensor = find(name);
      return tensor !== undefined && key === 'llama' && isTurned(role) ? inHalves(tensor, config.headSize) : tensor;
    });
    const name = metadata.text('general.name') || basename(path, '.gguf');
    return { name: name.slice(0, 256), config, tensors: arranged, tokenizer, [Symbol.asyncDispose]: close };
  } catch (thrown) {
    await close();
    throw thrown;
  }
}

function isTurned(role: string): boolean {
  return role === 'query' || role === 'key' || role === 'queryBias' || role === 'keyBias';
}

async function factsOf(
  metadata: GgufMetadata,
  find: (name: string) => CheckpointTensor | undefined,
): Promise<GgufTensorFacts> {
  const embedding = metadata.need('the tensor token_embd.weight', find('token_embd.weight'));
  const factors = find('rope_freqs.weight');
  return {
    vocabularySize: embedding.rows,
    tiedEmbeddings: find('output.weight') === undefined,
    qkvBias: find('blk.0.attn_q.bias') !== undefined,
    outBias: find('blk.0.attn_output.bias') !== undefined,
    ropeFactors: factors && (await ropeFactorsOf(metadata, factors)),
  };
}

async function ropeFactorsOf(metadata: GgufMetadata, factors: CheckpointTensor): Promise<Float32Array> {
  if (factors.columns <= limits.width) return await readFloats(factors, 0, 1);
  throw metadata.unsupported(`it has ${factors.columns} factors of rotary frequencies`);
}

function tensorOf(file: SourceFile, { name, type, shape, offset }: GgufTensor): CheckpointTensor {
  const encoding = encodingOf[type];
  if (encoding === undefined) {
    const known = 'F32, F16, BF16, Q4_0, Q8_0, Q4_K, Q5_K and Q6_K are';
    const message = `Tensor ${name} of ${file.path} is of ggml's type ${typeNames[type] ?? type}, which is not supported; ${known}.`;
    throw new CutpointError('CUT_CHECKPOINT', message);
  }
  const tensor = rowsOf({ name, encoding, shape, file, offset });
  if (offset + tensor.rows * rowBytes(encoding, tensor.columns) <= file.bytes) return tensor;
  throw new CutpointError('CUT_CHECKPOINT', `${file.path} ends before its tensor ${name}: download it again.`);
}

/** Names of types that people meet and that cannot be read. */
const typeNames: Readonly<Record<number, string>> = {
  3: 'Q4_1',
  6: 'Q5_0',
  7: 'Q5_1',
  10: 'Q2_K',
  11: 'Q3_K',
  16: 'IQ2_XXS',
  17: 'IQ2_XS',
  18: 'IQ3_XXS',
  19: 'IQ1_S',
  20: 'IQ4_NL',
  21: 'IQ3_S',
  22: 'IQ2_S',
  23: 'IQ4_XS',
  29: 'IQ1_M',
  34: 'TQ1_0',
  35: 'TQ2_0',
  39: 'MXFP4',
};

const layerTensor: Readonly<Record<LayerTensorName, string>> = {
  attentionNorm: 'attn_norm.weight',
  query: 'attn_q.weight',
  key: 'attn_k.weight',
  value: 'attn_v.weight',
  queryBias: 'attn_q.bias',
  keyBias: 'attn_k.bias',
  valueBias: 'attn_v.bias',
  queryNorm: 'attn_q_norm.weight',
  keyNorm: 'attn_k_norm.weight',
  out: 'attn_output.weight',
  outBias: 'attn_output.bias',
  postAttentionNorm: 'post_attention_norm.weight',
  ffnNorm: 'ffn_norm.weight',
  gate: 'ffn_gate.weight',
  up: 'ffn_up.weight',
  down: 'ffn_down.weight',
  postFfnNorm: 'post_ffw_norm.weight',
};

const names: TensorNames = {
  embedding: 'token_embd.weight',
  norm: 'output_norm.weight',
  matrix: 'output.weight',
  layer: (layer, name) => `blk.${layer}.${layerTensor[name]}`,
};
