import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { floatsOf } from '../package/package-floats.testing.js';
import type { PackageManifest } from '../package/package-manifest.js';
import { importCheckpoint } from './import-checkpoint.js';
import {
  type SmallCheckpoint,
  sizes,
  smallCheckpoint,
  smallFamilies,
  writeHuggingFace,
  writeSafetensors,
} from './small-checkpoints.testing.js';
import { writeGguf } from './small-gguf.testing.js';
import type { WidthRequest } from './widths.js';

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'families-'));
});

afterEach(() => rmSync(folder, { recursive: true }));

const at = (name: string) => join(folder, name);
const load = (source: string, out: string, width: Partial<WidthRequest> = {}) =>
  importCheckpoint({ source: at(source), folder: at(out), bits: null, block: null, ...width });
const hashes = ({ embedding, layers, head }: PackageManifest) =>
  [embedding, ...layers, head].map(({ path, sha256 }) => [path, sha256]);

function valuesOf({ tensors }: SmallCheckpoint, name: string): Float32Array {
  const found = tensors.find((tensor) => tensor.name === name);
  if (found === undefined) throw new Error(`no ${name}`);
  return found.values;
}

describe.each(smallFamilies)('a checkpoint of %s', (family) => {
  it('keeps its elements, fused in their order', async () => {
    const checkpoint = smallCheckpoint(family);
    writeHuggingFace(at('hf'), checkpoint);
    const manifest = await load('hf', 'package');
    const layer = manifest.layers[3];
    if (layer === undefined) throw new Error('there are seven layers');
    const own = (name: string) => [...valuesOf(checkpoint, `model.layers.3.${name}`)];
    const stored = (name: string) => [...floatsOf(at('package'), layer, name)];
    const plus = family === 'gemma3' ? 1 : 0;
    const withPlus = (name: string) => own(name).map((value) => value + plus);
    expect(stored('qkv')).toEqual(['q', 'k', 'v'].flatMap((name) => own(`self_attn.${name}_proj.weight`)));
    expect(stored('gateUp')).toEqual(['gate', 'up'].flatMap((name) => own(`mlp.${name}_proj.weight`)));
    expect(stored('out')).toEqual(own('self_attn.o_proj.weight'));
    expect(stored('down')).toEqual(own('mlp.down_proj.weight'));
    expect(stored('attentionNorm')).toEqual(withPlus('input_layernorm.weight'));
    if (family === 'gemma3') {
      expect(stored('postAttentionNorm')).toEqual(withPlus('post_attention_layernorm.weight'));
      expect(stored('ffnNorm')).toEqual(withPlus('pre_feedforward_layernorm.weight'));
      expect(stored('postFfnNorm')).toEqual(withPlus('post_feedforward_layernorm.weight'));
    } else {
      expect(stored('ffnNorm')).toEqual(own('post_attention_layernorm.weight'));
    }
    if (manifest.config.qkNorm) expect(stored('keyNorm')).toEqual(withPlus('self_attn.k_norm.weight'));
    if (manifest.config.qkvBias) {
      expect(stored('qkvBias')).toEqual(['q', 'k', 'v'].flatMap((name) => own(`self_attn.${name}_proj.bias`)));
    }
    expect(Object.keys(layer.weights)).toHaveLength(
      { gemma3: 10, qwen3: 8, qwen2: 7, biased: 8 }[family as 'qwen2'] ?? 6,
    );
    const head = manifest.config.tiedEmbeddings ? 'model.embed_tokens.weight' : 'lm_head.weight';
    expect([...floatsOf(at('package'), manifest.head, 'matrix')]).toEqual([...valuesOf(checkpoint, head)]);
  });

  it('is the same from a GGUF file, from several files and from other float types', async () => {
    const checkpoint = smallCheckpoint(family);
    writeHuggingFace(at('hf'), checkpoint);
    writeHuggingFace(at('shards'), checkpoint, { type: 'BF16', shards: 3 });
    writeGguf(at('model.gguf'), family, checkpoint, 'F16');
    const whole = await load('hf', 'package', { bits: 32 });
    expect(hashes(await load('shards', 'from-shards', { bits: 32 }))).toEqual(hashes(whole));
    const fromGguf = await load('model.gguf', 'from-gguf', { bits: 32 });
    expect(hashes(fromGguf)).toEqual(hashes(whole));
    // In GGUF Mistral is a Llama, without its window.
    const { family: _, attention, ...config } = whole.config;
    expect(fromGguf.config).toMatchObject(family === 'mistral' ? config : { ...config, attention });
    const halves = await load('shards', 'halves');
    expect(halves.layers[0]?.weights.out).toMatchObject({ kind: 'float', dtype: 'f16' });
    expect(halves.layers[0]?.weights.attentionNorm).toMatchObject({ kind: 'float', dtype: 'f32' });
    expect(hashes(await load('model.gguf', 'gguf-halves'))).toEqual(hashes(halves));
  });
});

describe('the families', () => {
  const configOf = async (family: (typeof smallFamilies)[number]) => {
    writeHuggingFace(at('hf'), smallCheckpoint(family));
    return (await load('hf', 'package')).config;
  };
  const plain = { rope: 0, windowTokens: null };

  it('Llama 3 scales its rope', async () => {
    const { ropes, headSize, attentionScale } = await configOf('llama');
    const scaling = { kind: 'llama3', factor: 8, lowFrequencyFactor: 1, highFrequencyFactor: 4 };
    expect(ropes).toMatchObject([{ theta: 500_000, scaling: { ...scaling, originalContextTokens: 8192 } }]);
    expect(headSize).toBe(sizes.headSize);
    expect(attentionScale).toBe(0.25);
  });

  it('Mistral sees a window in all layers, Qwen 2 in none unless it is told to', async () => {
    expect((await configOf('mistral')).attention).toEqual(Array(7).fill({ rope: 0, windowTokens: 128 }));
    rmSync(at('package'), { recursive: true });
    const qwen = await configOf('qwen2');
    expect(qwen.attention).toEqual(Array(7).fill(plain));
    expect(qwen).toMatchObject({ qkvBias: true, outBias: false, tiedEmbeddings: true });
    rmSync(at('package'), { recursive: true });
    const checkpoint = smallCheckpoint('qwen2');
    const config = { ...checkpoint.config, use_sliding_window: true, max_window_layers: 5 };
    writeHuggingFace(at('hf'), { ...checkpoint, config });
    const { attention } = (await load('hf', 'package')).config;
    expect(attention.map(({ windowTokens }) => windowTokens)).toEqual([null, null, null, null, null, 64, 64]);
  });

  it('Gemma 3 has two ropes, five local layers to a global one, and scaled embeddings', async () => {
    const config = await configOf('gemma3');
    expect(config.ropes).toEqual([
      { theta: 1_000_000, scaling: { kind: 'linear', factor: 8 } },
      { theta: 10_000, scaling: { kind: 'none' } },
    ]);
    const local = { rope: 1, windowTokens: 128 };
    expect(config.attention).toEqual([local, local, local, local, local, plain, local]);
    expect(config.embeddingScale).toBe(Math.sqrt(32));
    expect(config).toMatchObject({ activation: 'gelu-tanh', qkNorm: true, postNorms: true, attentionScale: 0.25 });
  });

  it('Gemma 3 with pictures is read as the decoder in it, with what its configuration leaves out', async () => {
    const { config, tensors } = smallCheckpoint('gemma3');
    const { rope_theta: _, bos_token_id: __, tie_word_embeddings: ___, ...text_config } = config;
    const outer = { model_type: 'gemma3', eos_token_id: [1, 2], vision_config: { hidden_size: 5 }, text_config };
    const renamed = tensors.map((tensor) => ({ ...tensor, name: `language_model.${tensor.name}` }));
    const pictures = { name: 'vision_tower.x', shape: [2, 2, 2], values: new Float32Array(8) };
    writeHuggingFace(at('hf'), { config: outer, tensors: [...renamed, pictures] });
    const found = (await load('hf', 'package')).config;
    expect(found.ropes[0]?.theta).toBe(1_000_000);
    expect(found).toMatchObject({ beginToken: 2, endTokens: [1, 2], tiedEmbeddings: true });
  });

  it('are read in the newer form of config.json, too', async () => {
    const { config, tensors } = smallCheckpoint('gemma3');
    const { rope_theta: _, rope_local_base_freq: __, rope_scaling: ___, ...rest } = config;
    const rope_parameters = {
      full_attention: { rope_type: 'linear', factor: 8, rope_theta: 1_000_000 },
      sliding_attention: { rope_type: 'default', rope_theta: 10_000 },
    };
    const layer_types = Array.from({ length: 7 }, (_, i) => (i === 5 ? 'full_attention' : 'sliding_attention'));
    writeHuggingFace(at('hf'), { config: { ...rest, rope_parameters, layer_types }, tensors });
    const newer = (await load('hf', 'package')).config;
    writeHuggingFace(at('old'), { config, tensors });
    expect(newer).toEqual((await load('old', 'from-old')).config);
  });
});

describe('what cannot be imported', () => {
  const changed = (change: Readonly<Record<string, unknown>>, family: (typeof smallFamilies)[number] = 'llama') => {
    const { config, tensors } = smallCheckpoint(family);
    writeHuggingFace(at('hf'), { config: { ...config, ...change }, tensors });
    return load('hf', 'package');
  };

  it.each([
    [{ model_type: 'mamba' }, /architecture "mamba" is not one of llama, mistral/],
    [{ rope_scaling: { rope_type: 'yarn', factor: 4 } }, /rope scaling "yarn"/],
    [{ hidden_act: 'relu' }, /activation "relu"/],
    [{ mlp_bias: true }, /feed-forward layers have biases/],
    [{ quantization_config: { quant_method: 'gptq' } }, /weights are quantised/],
    [{ num_hidden_layers: 8 }, /has no tensor model\.layers\.7\.input_layernorm\.weight/],
    [{ num_key_value_heads: 3 }, /4 heads cannot share 3/],
    [{ intermediate_size: 95 }, /mlp\.gate_proj\.weight is \[96, 32\], but the configuration says \[95, 32\]/],
    [{ hidden_size: -1 }, /config\.json cannot be used \(hidden_size/],
    [{ eos_token_id: 48 }, /token 48 is beyond the vocabulary of 48/],
  ])('%j is refused with CUT_CHECKPOINT, and nothing is written', async (change, sentence) => {
    const refused = changed(change);
    await expect(refused).rejects.toMatchObject({ code: 'CUT_CHECKPOINT' });
    await expect(refused).rejects.toThrow(sentence);
    expect(readdirSync(folder)).toEqual(['hf']);
  });

  it('has a tokenizer with more tokens than the model, or far fewer, or none', async () => {
    writeHuggingFace(at('hf'), smallCheckpoint('qwen3'));
    const tokenizer = (count: number) => {
      const vocab = Object.fromEntries(Array.from({ length: count }, (_, i) => [`t${i}`, i]));
      writeFileSync(at('hf/tokenizer.json'), JSON.stringify({ model: { type: 'BPE', vocab, merges: [] } }));
      return load('hf', `package-${count}`);
    };
    await expect(tokenizer(49)).rejects.toMatchObject({ code: 'CUT_TOKENIZER' });
    await expect(tokenizer(20)).rejects.toThrow(/has 20 tokens up to id 19, but the model's vocabulary is 48/);
    await tokenizer(40);
    rmSync(at('hf/tokenizer.json'));
    await expect(load('hf', 'none')).rejects.toThrow(/has no tokenizer\.json/);
  });

  it('holds numbers that are none', async () => {
    const checkpoint = smallCheckpoint('llama');
    writeHuggingFace(at('hf'), checkpoint);
    const tensors = checkpoint.tensors.map((tensor) =>
      tensor.name === 'model.layers.6.mlp.up_proj.weight'
        ? { ...tensor, values: tensor.values.map((value, i) => (i === 1000 ? Number.NaN : value)) }
        : tensor,
    );
    writeSafetensors(at('hf/model.safetensors'), tensors, 'F32');
    for (const bits of [4, 32] as const) {
      await expect(load('hf', 'package', { bits })).rejects.toThrow(/layers\.6\.mlp\.up_proj\.weight holds NaN/);
    }
    expect(readdirSync(folder)).toEqual(['hf']);
  });

  it('has its weights in another format', async () => {
    writeHuggingFace(at('hf'), smallCheckpoint('llama'));
    rmSync(at('hf/model.safetensors'));
    writeFileSync(at('hf/pytorch_model.bin'), '');
    await expect(load('hf', 'package')).rejects.toThrow(/has no model\.safetensors \(but pytorch_model\.bin\)/);
  });
});
