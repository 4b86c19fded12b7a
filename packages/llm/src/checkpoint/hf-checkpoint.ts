import { readdir, stat } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { CutpointError, systemReason } from '@cutpoint/core';
import { z } from 'zod';
import type { NamedFile } from '../package/write-package.js';
import { arrangeTensors, type TensorNames } from './arrange-tensors.js';
import type { Checkpoint, LayerTensorName } from './checkpoint.js';
import { requireConsistent } from './consistent-config.js';
import { configFromHuggingFace } from './hf-config.js';
import { check, parseJson } from './read-json.js';
import { readSafetensors, type StoredTensor } from './safetensors.js';
import { openSource, type SourceFile } from './source-file.js';
import { rowsOf } from './tensor-rows.js';
import { requireTokenizer } from './tokenizer-fit.js';

/** Larger than any that there is: tokenizers with 260,000 tokens take 35 MB. */
const longestJsonBytes = 200e6;
const tokenizerFiles = [
  'tokenizer.json',
  'tokenizer_config.json',
  'special_tokens_map.json',
  'chat_template.jinja',
  'chat_template.json',
];

/**
 * Opens a folder in the layout of Hugging Face: `config.json`, `model.safetensors` or the files that
 * `model.safetensors.index.json` lists, `tokenizer.json`.
 * @throws CutpointError CUT_CHECKPOINT, CUT_TOKENIZER, CUT_FILE_NOT_FOUND
 */
export async function openHuggingFace(folder: string): Promise<Checkpoint> {
  const path = join(folder, 'config.json');
  const generation = await readOptional(join(folder, 'generation_config.json'));
  const config = requireConsistent(
    configFromHuggingFace(
      await readRequired(path),
      generation && parseJson(generation, 'generation_config.json'),
      path,
    ),
    path,
  );
  const tokenizer = await readTokenizer(folder);
  requireTokenizer(tokenizer, config, folder);
  const files: SourceFile[] = [];
  const close = async () => {
    for (const file of files) await file[Symbol.asyncDispose]();
  };
  try {
    const tensors = await readTensors(folder, files);
    const names = namesIn(tensors, config.family === 'gemma3');
    const arranged = arrangeTensors(config, names, (name, role) => {
      const found = tensors.get(name);
      return found && rowsOf(found, config.family === 'gemma3' && isNorm(role) ? 1 : 0);
    });
    return { name: basename(resolve(folder)), config, tensors: arranged, tokenizer, [Symbol.asyncDispose]: close };
  } catch (thrown) {
    await close();
    throw thrown;
  }
}

/** Gemma's norms are stored without the one that is added to them. */
function isNorm(role: string): boolean {
  return /norm$/i.test(role);
}

async function readTensors(folder: string, files: SourceFile[]): Promise<ReadonlyMap<string, StoredTensor>> {
  const tensors = new Map<string, StoredTensor>();
  for (const name of await tensorFiles(folder)) {
    const file = await openSource(join(folder, name));
    files.push(file);
    for (const tensor of await readSafetensors(file)) tensors.set(tensor.name, tensor);
  }
  return tensors;
}

const indexSchema = z.object({ weight_map: z.record(z.string(), z.string().regex(/^[\w.-]+\.safetensors$/)) });

/** One file, or those of the index; a folder whose weights are in another format is told so. */
async function tensorFiles(folder: string): Promise<readonly string[]> {
  const index = await readOptional(join(folder, 'model.safetensors.index.json'));
  if (index !== undefined) {
    const what = join(folder, 'model.safetensors.index.json');
    const map = check(indexSchema, parseJson(index, what), what).weight_map;
    return [...new Set(Object.values(map))].sort();
  }
  const names = await readdir(folder);
  if (names.includes('model.safetensors')) return ['model.safetensors'];
  const others = names.filter((name) => /\.(bin|pt|pth|gguf)$/.test(name)).join(', ');
  const message = `${folder} has no model.safetensors${others && ` (but ${others})`}: take the checkpoint in safetensors, or name a GGUF file.`;
  throw new CutpointError('CUT_CHECKPOINT', message);
}

const layerTensor: Readonly<Record<LayerTensorName, string>> = {
  attentionNorm: 'input_layernorm.weight',
  query: 'self_attn.q_proj.weight',
  key: 'self_attn.k_proj.weight',
  value: 'self_attn.v_proj.weight',
  queryBias: 'self_attn.q_proj.bias',
  keyBias: 'self_attn.k_proj.bias',
  valueBias: 'self_attn.v_proj.bias',
  queryNorm: 'self_attn.q_norm.weight',
  keyNorm: 'self_attn.k_norm.weight',
  out: 'self_attn.o_proj.weight',
  outBias: 'self_attn.o_proj.bias',
  postAttentionNorm: 'post_attention_layernorm.weight',
  ffnNorm: 'post_attention_layernorm.weight',
  gate: 'mlp.gate_proj.weight',
  up: 'mlp.up_proj.weight',
  down: 'mlp.down_proj.weight',
  postFfnNorm: 'post_feedforward_layernorm.weight',
};

/** The names in this checkpoint: models with pictures have the decoder's behind a prefix. */
function namesIn(tensors: ReadonlyMap<string, StoredTensor>, isGemma: boolean): TensorNames {
  const prefixes = ['model.', 'language_model.model.', 'model.language_model.'];
  const prefix = prefixes.find((start) => tensors.has(`${start}embed_tokens.weight`)) ?? 'model.';
  const own = isGemma ? { ...layerTensor, ffnNorm: 'pre_feedforward_layernorm.weight' } : layerTensor;
  return {
    embedding: `${prefix}embed_tokens.weight`,
    norm: `${prefix}norm.weight`,
    matrix: prefix === 'language_model.model.' ? 'language_model.lm_head.weight' : 'lm_head.weight',
    layer: (layer, name) => `${prefix}layers.${layer}.${own[name]}`,
  };
}

async function readTokenizer(folder: string): Promise<readonly NamedFile[]> {
  const files: NamedFile[] = [];
  for (const path of tokenizerFiles) {
    const content = await readOptional(join(folder, path));
    if (content !== undefined) files.push({ path, content });
  }
  if (files[0]?.path === 'tokenizer.json') return files;
  throw new CutpointError('CUT_TOKENIZER', `${folder} has no tokenizer.json: download it with the weights.`);
}

async function readRequired(path: string): Promise<unknown> {
  const bytes = await readOptional(path);
  if (bytes !== undefined) return parseJson(bytes, path);
  const message = `${path} does not exist: name a folder with a Hugging Face checkpoint, or a GGUF file.`;
  throw new CutpointError('CUT_FILE_NOT_FOUND', message);
}

/** The bytes of a small file, or undefined if there is none. @throws CutpointError CUT_CHECKPOINT if it is not small. */
async function readOptional(path: string): Promise<Uint8Array | undefined> {
  try {
    await stat(path);
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return undefined;
    throw new CutpointError('CUT_FILE_NOT_FOUND', `${path} cannot be read: ${systemReason(cause)}.`, { cause });
  }
  await using file = await openSource(path);
  if (file.bytes <= longestJsonBytes) return await file.read(0, file.bytes);
  throw new CutpointError('CUT_CHECKPOINT', `${path} has ${file.bytes} bytes, far more than such a file takes.`);
}
