import { ByteReader, ByteWriter } from '@cutpoint/codec';
import { asCutpointError, CutpointError, messageOf } from '@cutpoint/core';

/**
 * What the agent sends for one pass of a sequence. Nothing in it is said twice: a token on a link costs these few bytes, the
 * hidden state, and the frame around them.
 */
export interface PassMessage {
  /** By which number the agent knows the sequence. */
  readonly sequence: number;
  /** Tokens that the server shall hold of it: it forgets those behind. */
  readonly base: number;
  /** How many of the last tokens are drafts. */
  readonly drafted: number;
  /** Of the same sequence, one behind the other: one, or several where a server learns a text that another has lost. */
  readonly pieces: readonly SentPiece[];
}

/** Tokens that crossed the cut together. */
export interface SentPiece {
  /** Rows of hidden states that were encoded together. */
  readonly rows: number;
  /** So many of them count; those behind were drafts that were wrong. */
  readonly kept: number;
  /** Those that count. None where the server must not know them. */
  readonly tokens: readonly number[];
  /** The hidden states, encoded. None where the server embeds the tokens itself. */
  readonly hidden: Uint8Array;
}

/** Which of both parts the pieces of a sequence have. */
export interface PieceForm {
  readonly tokens: boolean;
  readonly hidden: boolean;
}

/** What a server takes of a pass. */
export interface PassLimits {
  /** Rows that count, of all pieces together. */
  readonly maxRows: number;
  readonly vocabularySize: number;
}

/** Most sequences have small numbers; none has a number above this. */
export const mostSequence = 2 ** 32 - 1;
const mostTokens = 2 ** 31;
/** Tokens that one pass drafts at most. Those that were wrong are sent again when a server is lost. */
export const mostDrafted = 32;
/** Rows that do not count, of all pieces together, for each token that fits: room for what drafts and turned back texts leave. */
const mostWaste = 2 * mostDrafted;

/** Numbers are LEB128: a pass of one token takes five bytes beside its token and its hidden state. */
export function writePass({ sequence, base, drafted, pieces }: PassMessage, form: PieceForm): Uint8Array<ArrayBuffer> {
  const out = new ByteWriter();
  out.varint(sequence);
  out.varint(base);
  out.varint(drafted);
  for (const { rows, kept, tokens, hidden } of pieces) {
    out.varint(rows);
    out.varint(rows - kept);
    if (form.tokens) for (const token of tokens) out.varint(token);
    if (!form.hidden) continue;
    out.varint(hidden.length);
    out.bytes(hidden);
  }
  return out.written();
}

/** Reads a pass in two steps, as what its pieces look like depends on the sequence that it names. */
export class PassReader {
  readonly #reader: ByteReader;
  readonly sequence: number;
  readonly base: number;
  readonly drafted: number;

  /** @throws CutpointError CUT_INPUT */
  constructor(bytes: Uint8Array) {
    this.#reader = new ByteReader(bytes);
    [this.sequence, this.base, this.drafted] = wellFormed(() => [
      this.#reader.varint(mostSequence),
      this.#reader.varint(mostTokens),
      this.#reader.varint(mostTokens),
    ]);
  }

  /**
   * The pieces: at least one, their hidden states as views of the bytes.
   * @throws CutpointError CUT_INPUT for bytes that are no pass, more rows than allowed, a token outside the vocabulary.
   */
  pieces(form: PieceForm, { maxRows, vocabularySize }: PassLimits): SentPiece[] {
    const pieces = wellFormed(() => {
      const found: SentPiece[] = [];
      let left = maxRows;
      let waste = maxRows * mostWaste;
      while (this.#reader.left > 0) {
        const piece = this.#piece(form, left, waste, vocabularySize);
        left -= piece.kept;
        waste -= piece.rows - piece.kept;
        found.push(piece);
      }
      return found;
    });
    const last = pieces.at(-1);
    if (last !== undefined && last.kept === last.rows && this.drafted < last.rows) return pieces;
    throw malformed('its last rows, which are to be run, are missing');
  }

  #piece(form: PieceForm, maxRows: number, maxWaste: number, vocabularySize: number): SentPiece {
    const reader = this.#reader;
    const rows = reader.varint(mostTokens);
    const kept = rows - reader.varint(Math.max(0, rows - 1));
    if (kept === 0 || kept > maxRows || rows - kept > maxWaste) {
      throw malformed(`it has ${kept} of ${rows} tokens where 1 to ${maxRows} fit into the model's context`);
    }
    // Each token takes a byte at least: what is not there is not allocated.
    if (form.tokens && kept > reader.left) throw malformed('it is cut short');
    const tokens = form.tokens ? Array.from({ length: kept }, () => reader.varint(vocabularySize - 1)) : [];
    const hidden = form.hidden ? reader.bytes(reader.varint(reader.left)) : new Uint8Array(0);
    return { rows, kept, tokens, hidden };
  }
}

function wellFormed<T>(read: () => T): T {
  try {
    return read();
  } catch (thrown) {
    const { code } = asCutpointError(thrown, 'CUT_INTERNAL');
    if (code !== 'CUT_CODEC_PAYLOAD') throw thrown;
    throw malformed(messageOf(thrown), thrown);
  }
}

function malformed(what: string, cause?: unknown): CutpointError {
  return new CutpointError('CUT_INPUT', `A pass of a language model cannot be read: ${what}.`, { cause });
}
