/** What kinds of tokens there are (`tokenizer.ggml.token_type`). */
export const tokenType = { normal: 1, unknown: 2, control: 3, user: 4, unused: 5, byte: 6 } as const;

/** The vocabulary of a GGUF file. */
export interface GgufVocabulary {
  readonly tokens: readonly string[];
  /** One `tokenType` for each token. */
  readonly types: readonly number[];
}
