/** A file that is kept in the browser, or as much of it as has come. */
export interface KeptFile {
  /** In their order; each but the last is `pieceBytes` long. */
  readonly pieces: readonly Blob[];
  /** All of it is there, and its hash was right. */
  readonly whole: boolean;
}

/** Files by their SHA-256, in pieces, so that a download goes on where it was when the page was left. */
export interface KeptFiles {
  get(sha256: string): Promise<KeptFile>;
  addPiece(sha256: string, index: number, piece: Blob): Promise<void>;
  /** Says that all pieces are there and right. */
  complete(sha256: string): Promise<void>;
  /** Forgets all files but these. */
  keepOnly(hashes: ReadonlySet<string>): Promise<void>;
}

export const pieceBytes = 4 * 2 ** 20;
