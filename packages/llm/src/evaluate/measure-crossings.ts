import type { CancelSignal } from '@cutpoint/core';
import type { HiddenCodec } from './hidden-codec.js';
import type { BackSegment, FrontSegment } from './segments.js';
import { Surprise } from './surprise.js';
import { windowsOf } from './windows.js';

/** Ways in which a cut is crossed, and back where the head is private. */
export interface CrossingWay {
  readonly codec: HiddenCodec;
  /** Of what comes back; only where the front segment has the head. */
  readonly answerCodec?: HiddenCodec;
}

export interface CrossingBytes {
  /** Of one token that crosses alone, as in decoding. */
  readonly perToken: number;
  /** Of one token of a prompt that crosses as a chunk. */
  readonly perPromptToken: number;
}

/** What one way across a cut cost on a text. */
export interface CrossingLoss {
  /** The place of the back segment and of the way in what was given. */
  readonly back: number;
  readonly way: number;
  readonly perplexity: number;
  /** Tokens that were scored. */
  readonly tokens: number;
  /** Means over the text; headers of the codec are counted, frames of a wire are not. */
  readonly up: CrossingBytes;
  /** What comes back, where that is a hidden state. */
  readonly down: CrossingBytes | null;
}

export interface CrossingOptions {
  /** Tokens of a window; windows do not overlap. */
  readonly context: number;
  readonly onProgress?: (done: number, total: number) => void;
  readonly signal?: CancelSignal | undefined;
}

/**
 * Perplexity of a model that is cut in two, for each back segment and each way across: both halves run in this process with
 * a codec between them. Losses are those of tokens that cross one by one. The front segment runs once for all ways.
 * @throws CutpointError CUT_USAGE, CUT_INPUT as `windowsOf`; CUT_CODEC if a codec cannot carry a hidden state; and as
 * `DecoderRange.forward`.
 */
export async function measureCrossings(
  front: FrontSegment,
  backs: readonly BackSegment[],
  ways: readonly CrossingWay[],
  tokens: readonly number[],
  { context, onProgress, signal }: CrossingOptions,
): Promise<readonly CrossingLoss[]> {
  const { vocabularySize } = front.config;
  const runs = backs.flatMap((segment, back) => ways.map((way, i) => new Run(segment, back, way, i)));
  const crossings = ways.map(() => new ByteCount());
  let done = 0;
  for (const window of windowsOf(front.config, tokens, context)) {
    const hidden = await front.hiddenOf(window, signal);
    const crossed = ways.map(({ codec }, i) => crossings[i]?.cross(codec, hidden) ?? hidden);
    for (const run of runs) {
      const result = await run.segment.resultOf(crossed[run.wayIndex] ?? hidden, signal);
      const { answerCodec } = run.way;
      const logits =
        answerCodec === undefined ? result : await front.logitsOf(run.down.cross(answerCodec, result), signal);
      run.surprise.add(window, logits, vocabularySize);
    }
    done += window.length;
    onProgress?.(done, tokens.length);
  }
  return runs.map(({ surprise, down, back, way, wayIndex }) => ({
    back,
    way: wayIndex,
    perplexity: surprise.perplexity,
    tokens: surprise.tokens,
    up: (crossings[wayIndex] as ByteCount).means(done),
    down: way.answerCodec === undefined ? null : down.means(done),
  }));
}

class Run {
  readonly surprise = new Surprise();
  readonly down = new ByteCount();

  constructor(
    readonly segment: BackSegment,
    readonly back: number,
    readonly way: CrossingWay,
    readonly wayIndex: number,
  ) {}
}

/** Bytes of what crosses, both ways of crossing. */
class ByteCount {
  #rows = 0;
  #chunks = 0;

  /** What arrives of hidden states that cross row by row. */
  cross(codec: HiddenCodec, hidden: Float32Array<ArrayBuffer>): Float32Array<ArrayBuffer> {
    const rows = codec.crossRows(hidden);
    this.#rows += rows.bytes;
    this.#chunks += codec.chunkBytes(hidden);
    return rows.hidden;
  }

  means(tokens: number): CrossingBytes {
    return { perToken: this.#rows / tokens, perPromptToken: this.#chunks / tokens };
  }
}
