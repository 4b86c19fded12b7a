import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { printTransformTable, type TransformTables } from '@cutpoint/codec';
import { DecoderRange } from '../decode/decoder-range.js';
import { openEmbedding } from '../decode/open-embedding.js';
import { statesAt } from '../evaluate/each-cut.js';
import { type HiddenCodec, openHiddenCodec } from '../evaluate/hidden-codec.js';
import { tableOfHidden } from '../evaluate/hidden-table.js';
import type { Package } from '../package/read-package.js';

/** A table that was made for a test, and the spec that names it. */
export interface TestTable {
  readonly spec: string;
  readonly tables: TransformTables;
  readonly codec: HiddenCodec;
}

/** The table of a transform for hidden states at a cut, or behind the last layer, of texts. */
export async function tableAt(
  made: Package,
  cut: number,
  texts: readonly (readonly number[])[],
  step: number,
): Promise<TestTable> {
  const { hiddenSize } = made.manifest.config;
  const { name, table } = tableOfHidden(made.manifest, cut, await statesAt(made, cut, texts), step);
  const tables = new Map([[name, table]]);
  const spec = `transform:table=${name}`;
  return { spec, tables, codec: openHiddenCodec(spec, hiddenSize, tables) };
}

/** Writes tables as calibration does. */
export async function writeTables(folder: string, tables: TransformTables): Promise<void> {
  for (const [name, table] of tables) await writeFile(join(folder, `${name}.table`), printTransformTable(table));
}

export interface AcrossRequest {
  readonly front: Package;
  readonly back: Package;
  readonly at: number;
  readonly codec: HiddenCodec;
  /** Hidden states come back by this codec, and the front's head chooses. Default: the back's head does. */
  readonly answerCodec?: HiddenCodec;
  readonly prompt: readonly number[];
  readonly tokens: number;
}

export interface TextAcross {
  readonly tokens: readonly number[];
  /** Of the hidden state of each token behind the prompt that crossed. */
  readonly hiddenBytes: readonly number[];
}

/** The likeliest text of a model whose hidden states cross a cut by a codec: in this process, without agent and server. */
export async function textAcross(request: AcrossRequest): Promise<TextAcross> {
  const { front, back, at, codec, answerCodec, prompt } = request;
  const { layers } = front.manifest.config;
  const open = async ({ folder, manifest }: Package, from: number, to: number, head: boolean) =>
    await DecoderRange.open(folder, manifest, { from, to, head });
  await using embedding = await openEmbedding(front.folder, front.manifest);
  await using before = await open(front, 0, at, false);
  await using behind = await open(back, at, layers, answerCodec === undefined);
  await using head = await open(front, layers, layers, true);
  const sequences = [before.sequence(), behind.sequence()] as const;
  const tokens: number[] = [];
  const hiddenBytes: number[] = [];
  for (let next = prompt; tokens.length < request.tokens; ) {
    const { data } = await before.forward(sequences[0], await embedding.rows(next));
    const crossed = codec.encode(data);
    if (tokens.length > 0) hiddenBytes.push([...crossed.values()][0]?.data.length ?? 0);
    let result = (await behind.forward(sequences[1], codec.decode(crossed))).data;
    if (answerCodec !== undefined) {
      const last = result.slice(result.length - answerCodec.hiddenSize);
      const answer = answerCodec.decode(answerCodec.encode(last));
      result = (await head.forward(head.sequence(), answer)).data;
    }
    const token = likeliest(result);
    tokens.push(token);
    next = [token];
  }
  return { tokens, hiddenBytes };
}

function likeliest(logits: Float32Array): number {
  let best = 0;
  for (let i = 1; i < logits.length; i++) if ((logits[i] ?? 0) > (logits[best] ?? 0)) best = i;
  return best;
}
