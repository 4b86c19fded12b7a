import { CutpointError } from '@cutpoint/core';
import { affineBody } from './bodies/affine.js';
import type { Body } from './bodies/body.js';
import { rawBody } from './bodies/exact.js';
import { chooseLargest, chooseNonZero, filteredBody } from './bodies/filtered.js';
import { halfWidthBody } from './bodies/half-width.js';
import { tabqBody } from './bodies/tabq.js';
import type { Codec } from './codec.js';
import { isFloat } from './floats.js';
import type { GroupingName } from './grouping.js';
import type { Kernels } from './kernels/kernels.js';
import { typescriptKernels } from './kernels/typescript.js';
import { openPayload, sealPayload, stageTags, tags } from './payload.js';
import { type CodecSpec, parseSpec, printSpec, type SpecPart } from './spec/spec.js';
import type { BaseName, FilterName } from './spec/vocabulary.js';
import { ransCoder, type SymbolCoder } from './symbol-coder.js';
import { transformCodecs } from './transform/codec.js';

/** What codecs need beside their spec. */
export interface CodecResources {
  /** The arithmetic; plain TypeScript if not given. */
  readonly kernels?: Kernels;
  /** Makes the codec `transform` from the tables that its spec names. */
  readonly transform?: (spec: CodecSpec, kernels: Kernels) => Codec;
}

/**
 * The codec of a spec.
 * @throws CutpointError CUT_USAGE if the spec is wrong or is of a stream (`delta`), CUT_CODEC_TABLE if it needs a table
 *   that `resources` lacks.
 */
export function openCodec(text: string, resources: CodecResources = {}): Codec {
  const spec = parseSpec(text);
  const { base, filters } = spec;
  const kernels = resources.kernels ?? typescriptKernels;
  if (filters[0]?.name === 'delta') {
    throw new CutpointError('CUT_USAGE', `The codec "${text}" is for streams, as delta builds on the tensor before.`);
  }
  if (base.name === 'transform') return (resources.transform ?? noTables)(spec, kernels);
  return codecOf(spec, kernels);
}

const noTables = transformCodecs(new Map());

function codecOf(spec: CodecSpec, kernels: Kernels): Codec {
  const coder = spec.entropy ? ransCoder(kernels) : undefined;
  const body = spec.filters.reduceRight(
    (inner, filter) => filterBody(filter, inner, kernels, coder),
    baseBody(spec.base, kernels, coder),
  );
  const tag = tagOf(spec);
  const { checksum } = kernels;
  return {
    spec: printSpec(spec),
    encode: (tensor) => sealPayload(tag, tensor, checksum, body.write),
    decode: (payload, limits) => openPayload(tag, payload, { checksum, limits }, body.read),
    bound: (tensor) => {
      if (isFloat(tensor)) return body.bound(tensor);
      throw new CutpointError('CUT_CODEC', `Codecs carry float tensors, not ${tensor.dtype}: send it raw.`);
    },
  };
}

function tagOf({ base, filters, entropy }: CodecSpec): number {
  const stages = filters.map(({ name }) => (name === 'delta' ? 0 : stageTags[name]));
  return stages.reduce((sum, stage) => sum + stage, tags[base.name] + (entropy ? stageTags.rans : 0));
}

function baseBody({ name, values }: SpecPart<BaseName>, kernels: Kernels, coder: SymbolCoder | undefined): Body {
  const number = (key: string): number => Number(values.get(key));
  if (name === 'raw') return rawBody(coder);
  if (name === 'f16' || name === 'bf16') return halfWidthBody(name, kernels, coder);
  if (name === 'affine')
    return affineBody({ bits: number('bits'), per: groupingName(values.get('per')) }, kernels, coder);
  if (name === 'ts-tabq') {
    const tau = values.has('tau') ? number('tau') : undefined;
    const token = values.get('token') === 'channel' ? 'channel' : 'position';
    return tabqBody({ delta: number('delta'), rho: number('rho'), tau, max: number('max'), token }, kernels, coder);
  }
  throw new CutpointError('CUT_INTERNAL', `The codec ${name} has no body.`);
}

function groupingName(value: number | string | undefined): GroupingName {
  return value === 'channel' || value === 'token' ? value : 'tensor';
}

function filterBody(
  { name, values }: SpecPart<FilterName>,
  inner: Body,
  kernels: Kernels,
  coder: SymbolCoder | undefined,
): Body {
  if (name === 'delta') throw new CutpointError('CUT_INTERNAL', 'delta is no filter of single tensors.');
  const choose = name === 'sparse' ? chooseNonZero : chooseLargest(Number(values.get('keep')), kernels);
  return filteredBody(choose, inner, kernels, coder);
}
