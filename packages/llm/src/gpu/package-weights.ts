import { CutpointError, halfToNumber } from '@cutpoint/core';
import type { DecoderWeights, LayerWeights, MatrixBytes } from '@cutpoint/gpu';
import { ropeFrequencies } from '../decode/rope-tables.js';
import type { PackageManifest, PackagePart, StoredWeight } from '../package/package-manifest.js';
import type { OpenPart, PartSource } from '../package/part-source.js';

/**
 * The weights of a package for a decoder on a GPU: bytes as they lie in its files, part by part, so that no more than one
 * part is in the memory of this machine at once.
 */
export function packageWeights(open: OpenPart, manifest: PackageManifest): DecoderWeights {
  const { config, embedding, layers, head } = manifest;
  return {
    ropeFrequencies: config.ropes.map((rope) => ropeFrequencies(rope, config.headSize)),
    table: () => withPart(open, embedding, (part) => part.matrix('table')),
    layer: async (index) => {
      const part = layers[index];
      if (part === undefined) throw new CutpointError('CUT_PACKAGE', `The package has no layer ${index}.`);
      return await withPart(open, part, layerWeights);
    },
    head: () =>
      withPart(open, head, async (part) => ({
        norm: await part.vector('norm'),
        matrix: await part.matrix('matrix'),
      })),
  };
}

async function layerWeights(part: PartReader): Promise<LayerWeights> {
  return {
    attentionNorm: await part.vector('attentionNorm'),
    qkv: await part.matrix('qkv'),
    qkvBias: await part.optionalVector('qkvBias'),
    queryNorm: await part.optionalVector('queryNorm'),
    keyNorm: await part.optionalVector('keyNorm'),
    out: await part.matrix('out'),
    outBias: await part.optionalVector('outBias'),
    postAttentionNorm: await part.optionalVector('postAttentionNorm'),
    ffnNorm: await part.vector('ffnNorm'),
    gateUp: await part.matrix('gateUp'),
    down: await part.matrix('down'),
    postFfnNorm: await part.optionalVector('postFfnNorm'),
  };
}

async function withPart<T>(
  open: OpenPart,
  part: PackagePart<string>,
  read: (reader: PartReader) => Promise<T>,
): Promise<T> {
  await using file = await open(part);
  return await read(new PartReader(file, part));
}

class PartReader {
  readonly #file: PartSource;
  readonly #part: PackagePart<string>;

  constructor(file: PartSource, part: PackagePart<string>) {
    this.#file = file;
    this.#part = part;
  }

  async matrix(name: string): Promise<MatrixBytes> {
    const stored = this.#stored(name);
    const none = new Uint8Array(0);
    if (stored.kind === 'float') {
      const [rows = 0, columns = 1] = stored.shape;
      const form = { kind: 'float', dtype: stored.dtype, rows, columns } as const;
      return { form, values: await this.#read(stored.span), scales: none, zeroPoints: none };
    }
    const { bits, block, rows, columns, codes, scales, zeroPoints } = stored;
    const form = { kind: 'blocks', bits, block, rows, columns, zeroPoints: zeroPoints !== null } as const;
    return {
      form,
      values: await this.#read(codes),
      scales: await this.#read(scales),
      zeroPoints: zeroPoints === null ? none : await this.#read(zeroPoints),
    };
  }

  async vector(name: string): Promise<Float32Array> {
    const stored = this.#stored(name);
    if (stored.kind !== 'float') throw this.#wrong(name);
    const bytes = await this.#read(stored.span);
    if (stored.dtype === 'f32') return new Float32Array(bytes.buffer);
    return Float32Array.from(new Uint16Array(bytes.buffer), halfToNumber);
  }

  async optionalVector(name: string): Promise<Float32Array | undefined> {
    return this.#part.weights[name] === undefined ? undefined : await this.vector(name);
  }

  #stored(name: string): StoredWeight {
    const stored = this.#part.weights[name];
    if (stored === undefined) throw this.#wrong(name);
    return stored;
  }

  #read({ offset, bytes }: { readonly offset: number; readonly bytes: number }): Promise<Uint8Array<ArrayBuffer>> {
    return this.#file.read(offset, bytes);
  }

  #wrong(name: string): CutpointError {
    const message = `The package's file ${this.#part.path} has no ${name} of the kind that is due; import the model again.`;
    return new CutpointError('CUT_PACKAGE', message);
  }
}
