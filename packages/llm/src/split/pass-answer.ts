import { ByteReader, ByteWriter } from '@cutpoint/codec';
import { asCutpointError, CutpointError } from '@cutpoint/core';

/** What the server says of a pass: the tokens that it chose, or the hidden states from which the agent chooses them. */
export type PassAnswer = { readonly codecUs: number } & (
  | { readonly tokens: readonly number[] }
  | { readonly hidden: Uint8Array }
);

/** A microsecond more is nothing; an hour is nonsense. */
const mostUs = 3.6e9;

export function writeAnswer(answer: PassAnswer): Uint8Array<ArrayBuffer> {
  const out = new ByteWriter();
  out.varint(Math.min(mostUs, Math.round(answer.codecUs)));
  if ('hidden' in answer) out.bytes(answer.hidden);
  else for (const token of answer.tokens) out.varint(token);
  return out.written();
}

/** @throws CutpointError CUT_INPUT if the bytes are not `most` tokens at most, at least one. */
export function readTokensAnswer(bytes: Uint8Array, most: number, vocabularySize: number) {
  return answered(() => {
    const reader = new ByteReader(bytes);
    const codecUs = reader.varint(mostUs);
    const tokens: number[] = [];
    while (reader.left > 0 && tokens.length <= most) tokens.push(reader.varint(vocabularySize - 1));
    if (tokens.length === 0 || tokens.length > most) {
      throw new CutpointError('CUT_INPUT', `The server chose other than 1 to ${most} tokens.`);
    }
    return { codecUs, tokens };
  });
}

/** @throws CutpointError CUT_INPUT */
export function readHiddenAnswer(bytes: Uint8Array) {
  return answered(() => {
    const reader = new ByteReader(bytes);
    const codecUs = reader.varint(mostUs);
    return { codecUs, hidden: reader.bytes(reader.left) };
  });
}

function answered<T>(read: () => T): T {
  try {
    return read();
  } catch (thrown) {
    const { code } = asCutpointError(thrown, 'CUT_INTERNAL');
    if (code !== 'CUT_CODEC_PAYLOAD') throw thrown;
    throw new CutpointError('CUT_INPUT', 'The answer of the server to a pass cannot be read.', { cause: thrown });
  }
}
