import type { SentPiece } from '../pass-message.js';

/** What was sent of a sequence, for a server that does not have it: what crossed, as it crossed. */
export class SentHistory {
  readonly #pieces: SentPiece[];
  #tokens: number;

  constructor(pieces: readonly SentPiece[] = []) {
    this.#pieces = [...pieces];
    this.#tokens = pieces.reduce((sum, { kept }) => sum + kept, 0);
  }

  get pieces(): readonly SentPiece[] {
    return this.#pieces;
  }

  add(piece: SentPiece): void {
    this.#pieces.push(piece);
    this.#tokens += piece.kept;
  }

  /** Forgets all but the first tokens. */
  truncate(tokens: number): void {
    if (tokens >= this.#tokens) return;
    const kept = firstOf(this.#pieces, tokens);
    this.#pieces.splice(0, this.#pieces.length, ...kept);
    this.#tokens = tokens;
  }

  /** A history of its own of the first tokens. */
  clone(tokens: number): SentHistory {
    return new SentHistory(firstOf(this.#pieces, tokens));
  }
}

/** Pieces that were encoded together stay together: of the last one, fewer rows count. */
function firstOf(pieces: readonly SentPiece[], tokens: number): SentPiece[] {
  const first: SentPiece[] = [];
  let left = tokens;
  for (const piece of pieces) {
    if (left <= 0) break;
    const kept = Math.min(piece.kept, left);
    first.push(kept === piece.kept ? piece : { ...piece, kept, tokens: piece.tokens.slice(0, kept) });
    left -= kept;
  }
  return first;
}
