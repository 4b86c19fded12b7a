/** A file that is kept in the browser, or as much of it as has come. */
export interface KeptFile {
  /** In their order; each but the last is `pieceBytes` long. */
  readonly pieces: readonly Blob[];
  /** All of it is there, and its hash was right. */
  readonly whole: boolean;
}

/** Files by their SHA-256, in pieces, so that a download goes on where it was when the page was left. */
export interface KeptFiles extends Disposable {
  get(sha256: string): Promise<KeptFile>;
  addPiece(sha256: string, index: number, piece: Blob): Promise<void>;
  /** Says that all pieces are there and right. */
  complete(sha256: string): Promise<void>;
  /** Of all that it has something of. */
  hashes(): Promise<ReadonlySet<string>>;
  forget(sha256: string): Promise<void>;
}

/** Forgets all files but these. */
export async function keepOnly(files: KeptFiles, wanted: readonly { readonly sha256: string }[]): Promise<void> {
  const kept = new Set(wanted.map(({ sha256 }) => sha256));
  for (const sha256 of await files.hashes()) if (!kept.has(sha256)) await files.forget(sha256);
}

export const pieceBytes = 4 * 2 ** 20;
