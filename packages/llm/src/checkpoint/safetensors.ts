import { CutpointError } from '@cutpoint/core';
import { z } from 'zod';
import { parseJson } from './read-json.js';
import type { SourceFile } from './source-file.js';
import { rowBytes, type TensorEncoding } from './tensor-encoding.js';

/** Where a tensor lies in a file. */
export interface StoredTensor {
  readonly name: string;
  readonly encoding: TensorEncoding;
  /** Rows first: what runs fastest is last. */
  readonly shape: readonly number[];
  readonly file: SourceFile;
  readonly offset: number;
}

/** The format's own limit on the header. */
const longestHeaderBytes = 100e6;

const encodingOf: Readonly<Record<string, TensorEncoding>> = { F32: 'f32', F16: 'f16', BF16: 'bf16' };

const entry = z.object({
  dtype: z.string().max(16),
  shape: z.array(z.int().min(0)).max(8),
  data_offsets: z.tuple([z.int().min(0), z.int().min(0)]),
});

/**
 * The tensors of a safetensors file (https://github.com/huggingface/safetensors): eight bytes with the length of a JSON
 * header, the header, the elements. Tensors of element types that no weight of a decoder has are left out.
 * @throws CutpointError CUT_CHECKPOINT
 */
export async function readSafetensors(file: SourceFile): Promise<readonly StoredTensor[]> {
  if (file.bytes < 8) throw damaged(file, 'it has no header');
  const start = await file.read(0, 8);
  const headerBytes = Number(new DataView(start.buffer).getBigUint64(0, true));
  if (headerBytes > longestHeaderBytes) throw damaged(file, `its header would take ${headerBytes} bytes`);
  if (8 + headerBytes > file.bytes) throw damaged(file, 'it ends within its header');
  const header = parseJson(await file.read(8, headerBytes), `The header of ${file.path}`);
  const { success, data } = z.record(z.string(), z.unknown()).safeParse(header);
  if (!success) throw damaged(file, 'its header is not a JSON object');
  const data0 = 8 + headerBytes;
  return Object.entries(data).flatMap(([name, value]) => {
    if (name === '__metadata__') return [];
    const found = entry.safeParse(value);
    if (!found.success) throw damaged(file, `the entry of tensor ${name} is not valid`);
    const {
      dtype,
      shape,
      data_offsets: [from, to],
    } = found.data;
    if (to < from || data0 + to > file.bytes) throw damaged(file, `tensor ${name} lies outside of it`);
    const encoding = encodingOf[dtype];
    if (encoding === undefined) return [];
    const elements = shape.reduce((product, dim) => product * dim, 1);
    if (rowBytes(encoding, elements) !== to - from) throw damaged(file, `tensor ${name} is not as long as its shape`);
    return [{ name, encoding, shape, file, offset: data0 + from }];
  });
}

function damaged(file: SourceFile, fault: string): CutpointError {
  return new CutpointError('CUT_CHECKPOINT', `${file.path} is not a safetensors file: ${fault}. Download it again.`);
}
