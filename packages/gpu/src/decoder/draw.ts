/** How one row's token is drawn: as the sampler of language models defines it, with its random number. */
export interface Draw {
  /** Logits are divided by it; 0 takes the largest. */
  readonly temperature: number;
  /** Only so many of the most likely tokens, of equals the lower id. 0: all. */
  readonly topK: number;
  /** Only the fewest of the most likely that have this share. 1: all. */
  readonly topP: number;
  /** Only tokens at least this share as likely as the likeliest. 0: all. */
  readonly minP: number;
  /** Positive logits of the history are divided by it, others multiplied. 1: off. */
  readonly repetitionPenalty: number;
  /** From 0 to below 1. */
  readonly random: number;
  /** Tokens that the penalty is about, each once; none where it is off. */
  readonly history: Uint32Array;
}

/** 32-bit words of a draw, in this order. */
export const drawWords = 8;

/** Draws as the kernel reads them. */
export interface PackedDraws {
  readonly draws: Uint32Array;
  readonly histories: Uint32Array;
}

/** @param draws of each row; undefined takes the largest logit, which is found anyway. */
export function packDraws(draws: readonly (Draw | undefined)[]): PackedDraws {
  const words = new Uint32Array(drawWords * draws.length);
  const floats = new Float32Array(words.buffer);
  const histories = new Uint32Array(draws.reduce((sum, draw) => sum + (draw?.history.length ?? 0), 0));
  let at = 0;
  for (const [row, draw] of draws.entries()) {
    const first = row * drawWords;
    if (draw === undefined) {
      words[first + 7] = 1;
      continue;
    }
    const { temperature, topP, minP, random, repetitionPenalty, topK, history } = draw;
    const warmth = temperature === 0 ? 0 : Math.max(temperature, leastNormal);
    const nucleus = Math.max(topP, leastNormal);
    floats.set([warmth, nucleus, minP, Math.min(random, largestBelowOne), repetitionPenalty], first);
    // No vocabulary has more tokens.
    words[first + 5] = Math.min(topK, 0xffff_ffff);
    words[first + 6] = at;
    // The lowest bit says that the row is not drawn.
    words[first + 7] = 2 * history.length;
    histories.set(history, at);
    at += history.length;
  }
  return { draws: words, histories };
}

/** In f32, to which numbers in float64 that are closer to 1 would be rounded up. */
const largestBelowOne = 1 - 2 ** -24;
/** Of f32: a GPU may take what is smaller for 0, which would say something else. What it replaces draws as it does. */
const leastNormal = 2 ** -126;

/** Whether a kernel's f32 holds the penalty: by a smaller one a GPU may divide otherwise. */
export function holdsPenalty({ repetitionPenalty }: Pick<Draw, 'repetitionPenalty'>): boolean {
  return repetitionPenalty >= leastNormal;
}
