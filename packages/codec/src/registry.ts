import { CutpointError } from '@cutpoint/core';
import { affineBody } from './bodies/affine.js';
import type { Body, PartsBody } from './bodies/body.js';
import { rawBody } from './bodies/exact.js';
import { chooseLargest, chooseNonZero, filteredBody } from './bodies/filtered.js';
import { halfWidthBody } from './bodies/half-width.js';
import { tabqBody } from './bodies/tabq.js';
import { ByteReader, ByteWriter } from './bytes.js';
import type { Codec } from './codec.js';
import { isFloat } from './floats.js';
import type { GroupingName } from './grouping.js';
import type { Kernels } from './kernels/kernels.js';
import { typescriptKernels } from './kernels/typescript.js';
import { inForm, type PartsCodec, type PartsSettings } from './parts.js';
import { type Checksum, openPayload, sealBody, sealPayload, stageTags, tags } from './payload.js';
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
  const settings = settingsOf(spec.base);
  const base = baseBody(settings, kernels, coder);
  const body = spec.filters.reduceRight<Body>((inner, filter) => filterBody(filter, inner, kernels, coder), base);
  const tag = tagOf(spec);
  const { checksum } = kernels;
  const codec: Codec = {
    spec: printSpec(spec),
    encode: (tensor) => sealPayload(tag, tensor, checksum, body.write),
    decode: (payload, limits) => openPayload(tag, payload, { checksum, limits }, body.read),
    bound: (tensor) => {
      if (isFloat(tensor)) return body.bound(tensor);
      throw new CutpointError('CUT_CODEC', `Codecs carry float tensors, not ${tensor.dtype}: send it raw.`);
    },
  };
  if (spec.filters.length > 0) return codec;
  return { ...codec, parts: partsCodec({ tag, settings, checksum, base }, baseBody(settings, kernels, undefined)) };
}

/** @param plain the same body without an entropy coder. */
function partsCodec(
  own: {
    readonly tag: number;
    readonly settings: PartsSettings;
    readonly checksum: Checksum;
    readonly base: PartsBody;
  },
  plain: PartsBody,
): PartsCodec {
  const { tag, settings, checksum, base } = own;
  const entropyCoded = (tag & stageTags.rans) !== 0;
  return {
    settings,
    entropyCoded,
    seal: (parts, type) =>
      sealBody(tag, type, checksum, (out) => base.put(inForm(parts, entropyCoded ? 'bytes' : 'packed'), type, out)),
    open: (payload, limits) => {
      const opened = openPayload(tag, payload, { checksum, limits }, (type, body) => ({
        type,
        ...base.take(type, body),
      }));
      if (!entropyCoded) return { ...opened, bytes: payload };
      const { type, parts } = opened;
      const out = new ByteWriter();
      plain.put(inForm(parts, 'packed'), type, out);
      const bytes = out.written();
      return { type, ...plain.take(type, new ByteReader(bytes)), bytes };
    },
  };
}

function tagOf({ base, filters, entropy }: CodecSpec): number {
  const stages = filters.map(({ name }) => (name === 'delta' ? 0 : stageTags[name]));
  return stages.reduce((sum, stage) => sum + stage, tags[base.name] + (entropy ? stageTags.rans : 0));
}

function settingsOf({ name, values }: SpecPart<BaseName>): PartsSettings {
  const number = (key: string): number => Number(values.get(key));
  if (name === 'affine') return { name, bits: number('bits'), per: groupingName(values.get('per')) };
  if (name === 'ts-tabq') {
    const tau = values.has('tau') ? number('tau') : undefined;
    const token = values.get('token') === 'channel' ? 'channel' : 'position';
    return { name, delta: number('delta'), rho: number('rho'), tau, max: number('max'), token };
  }
  if (name === 'transform') throw new CutpointError('CUT_INTERNAL', `The codec ${name} has no body.`);
  return { name };
}

function baseBody(settings: PartsSettings, kernels: Kernels, coder: SymbolCoder | undefined): PartsBody {
  switch (settings.name) {
    case 'raw':
      return rawBody(coder);
    case 'f16':
    case 'bf16':
      return halfWidthBody(settings.name, kernels, coder);
    case 'affine':
      return affineBody(settings, kernels, coder);
    case 'ts-tabq':
      return tabqBody(settings, kernels, coder);
  }
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
