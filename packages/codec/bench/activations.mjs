// What crosses the cuts of a model for a set of images, computed once and kept in the temporary directory.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { tensorOf } from '@cutpoint/core';
import { loadStage, openSplit } from '@cutpoint/runtime';

const dims = new Map([['N', 1]]);

/**
 * The activations at each cut, and the answers of the uncut model, image by image.
 * @param model path; `cuts` ascending, one crossing tensor each; `inputs` function of the index of an image, f32[1,...].
 * @returns {modelHash, cuts: [{index, name, shape, data: Float32Array[]}], answers: Float32Array[]}
 */
export async function activationsOf({ model, cuts, count, key, inputs }) {
  const split = await openSplit(model, { at: cuts, dims });
  const id = createHash('sha256')
    .update(JSON.stringify([split.modelHash, cuts, count, key]))
    .digest('hex')
    .slice(0, 16);
  const folder = join(tmpdir(), 'cutpoint-activations', id);
  const infos = split.cuts.map(({ index, tensors: [tensor] }) => ({ index, name: tensor.name, shape: tensor.shape }));
  if (!existsSync(folder)) await compute(split, infos, count, inputs, folder);
  const file = (name) => {
    const bytes = readFileSync(join(folder, name));
    const all = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
    const each = all.length / count;
    return Array.from({ length: count }, (_, i) => all.slice(i * each, (i + 1) * each));
  };
  return {
    modelHash: split.modelHash,
    cuts: infos.map((info) => ({ ...info, data: file(`cut-${info.index}`) })),
    answers: file('answers'),
  };
}

async function compute(split, infos, count, inputs, folder) {
  const stages = [];
  for (const plan of split.segments) stages.push(await loadStage(plan, { threads: 1 }));
  const kept = new Map([...infos.map(({ index }) => [`cut-${index}`, []]), ['answers', []]]);
  for (let i = 0; i < count; i++) {
    let tensors = new Map([[split.inputs[0].name, await inputs(i)]]);
    for (const [s, stage] of stages.entries()) {
      const { sends, answers } = await stage.run(tensors);
      tensors = sends;
      const name = s < infos.length ? `cut-${infos[s].index}` : 'answers';
      const [tensor] = (s < infos.length ? sends : answers).values();
      kept.get(name).push(tensor.data.slice());
    }
  }
  for (const stage of stages) await stage[Symbol.asyncDispose]();
  const fresh = `${folder}.${process.pid}`;
  mkdirSync(fresh, { recursive: true });
  for (const [name, list] of kept) writeFileSync(join(fresh, name), Buffer.concat(list));
  renameSync(fresh, folder);
}

/** A function from a crossing tensor to the answers of the model behind it; `close` ends it. */
export async function backOf(model, cut) {
  const split = await openSplit(model, { at: [cut], dims });
  const stage = await loadStage(split.segments[1], { threads: 1 });
  const { name, shape } = split.cuts[0].tensors[0];
  return {
    async answer(values) {
      const { answers } = await stage.run(new Map([[name, tensorOf('f32', shape, values)]]));
      const [tensor] = answers.values();
      return new Float32Array(tensor.data.slice().buffer);
    },
    close: () => stage[Symbol.asyncDispose](),
  };
}
