import { briefFrameBytes } from '@cutpoint/wire';
import { writeAnswer } from './pass-answer.js';
import { writePass } from './pass-message.js';
import { splitMethods } from './split-protocol.js';

/** A token of a vocabulary and of a text as large as is usual, and as long a hidden state. */
const [token, base, hiddenBytes] = [30_000, 1_000, 1_000];
/** What a codec takes at the server. */
const codecUs = 1_000;

/**
 * Bytes of a pass of one token beside its hidden state, and beside those tokens or hidden states that come back: of the frame,
 * and of what stands in it.
 */
export function passFrameBytes(): { readonly up: number; readonly down: number } {
  const piece = { rows: 1, kept: 1, tokens: [token], hidden: new Uint8Array(hiddenBytes) };
  const pass = writePass({ sequence: 1, base, drafted: 0, pieces: [piece] }, { tokens: true, hidden: true });
  const answer = writeAnswer({ codecUs, tokens: [] });
  return {
    up: briefFrameBytes(splitMethods.decode, pass.length) - hiddenBytes,
    down: briefFrameBytes('', answer.length),
  };
}
