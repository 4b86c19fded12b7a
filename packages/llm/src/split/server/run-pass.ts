import { type CancelSignal, CutpointError } from '@cutpoint/core';
import type { EmbeddingTable } from '../../decode/embedding-table.js';
import { lastRows } from '../../decode/logits-rows.js';
import type { HiddenInput, RangeDecoder } from '../../decode/range-decoder.js';
import { verifyDraft } from '../../text/drafts.js';
import { type CrossedHidden, decodeHidden, encodeHidden } from '../hidden-rows.js';
import { writeAnswer } from '../pass-answer.js';
import type { PassReader } from '../pass-message.js';
import { formOf } from '../split-protocol.js';
import type { HostedSequence } from './hosted-sequence.js';

/** What a pass needs beside its sequence. */
export interface PassParts {
  readonly embedding: Pick<EmbeddingTable, 'rows'>;
  /** Asked before anything is computed. @throws CutpointError */
  readonly requireCache: (moreBytes: number) => void;
}

/**
 * Runs what a sequence lacks and answers with tokens, or with hidden states where the split is private. What fails leaves
 * the sequence with the tokens that the pass built on.
 * @throws CutpointError CUT_SEQUENCE_LOST, CUT_INPUT, CUT_CODEC_PAYLOAD, CUT_OVERLOADED, what `DecoderRange.forward` and
 * `verifyDraft` throw.
 */
export async function runPass(
  sequence: HostedSequence,
  reader: PassReader,
  { embedding, requireCache }: PassParts,
  signal: CancelSignal,
): Promise<Uint8Array<ArrayBuffer>> {
  const { base, drafted } = reader;
  sequence.requireHeld(base);
  const { range } = sequence.lease;
  const { contextTokens, vocabularySize, hiddenSize } = range.config;
  const { choice } = sequence.settings;
  const { up, down } = sequence.codecs;
  const pieces = reader.pieces(formOf(sequence.settings), { maxRows: contextTokens - base, vocabularySize });
  const count = pieces.reduce((sum, { kept }) => sum + kept, 0);
  requireCache(sequence.moreCacheBytesWith(base + count));
  if (base < sequence.held) sequence.truncate(base);
  sequence.grow(base + count);
  const tokens = pieces.flatMap((piece) => piece.tokens);
  const codecFrom = performance.now();
  using hidden = formOf(sequence.settings).hidden
    ? await takenBy(range, { codec: up, pieces }, count)
    : inputOf(range, await embedding.rows(tokens));
  // While the rows were read it may have been dropped, and its number would become a sequence of nobody.
  sequence.requireHeld(base);
  const decodeMs = performance.now() - codecFrom;
  const { data } = await hidden.forward(sequence.number, { logits: drafted + 1, signal });
  sequence.held = base + count;
  if (choice === null) {
    const encodeFrom = performance.now();
    const rows = data.slice(data.length - (drafted + 1) * hiddenSize);
    const answer = encodeHidden(down, rows, hiddenSize);
    return writeAnswer({ codecUs: (decodeMs + performance.now() - encodeFrom) * 1000, hidden: answer });
  }
  const text = [...sequence.text, ...tokens];
  const history = text.slice(0, text.length - drafted);
  const draft = text.slice(text.length - drafted);
  const rows = lastRows(data, drafted + 1, vocabularySize);
  const chosen = verifyDraft(rows, draft, history, choice.sampling, new Set(choice.ends));
  sequence.text = text;
  if (chosen.accepted < drafted) sequence.truncate(history.length + chosen.accepted);
  return writeAnswer({ codecUs: decodeMs * 1000, tokens: chosen.tokens });
}

/** What crossed, decoded where the layers are if they can, else here. */
async function takenBy(range: RangeDecoder, crossed: CrossedHidden, count: number): Promise<HiddenInput> {
  return (await range.take?.(crossed)) ?? inputOf(range, joinedHidden(crossed, count, range.config.hiddenSize));
}

function inputOf(range: RangeDecoder, hidden: Float32Array<ArrayBuffer>): HiddenInput {
  return {
    forward: (sequence, options) => range.forward(sequence, hidden, options),
    [Symbol.dispose]: () => undefined,
  };
}

/** The rows of all pieces that count, one behind the other. */
function joinedHidden({ codec, pieces }: CrossedHidden, count: number, hiddenSize: number): Float32Array<ArrayBuffer> {
  const joined = new Float32Array(count * hiddenSize);
  let at = 0;
  for (const { rows, kept, hidden } of pieces) {
    const decoded = decodeHidden(codec, new Uint8Array(hidden), rows, hiddenSize);
    joined.set(decoded.subarray(0, kept * hiddenSize), at);
    at += kept * hiddenSize;
  }
  if (at === joined.length) return joined;
  throw new CutpointError('CUT_INTERNAL', 'The pieces of a pass do not add up.');
}
