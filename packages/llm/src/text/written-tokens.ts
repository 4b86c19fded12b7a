/** Unicode never has a character here; what is in a text all the same is lost. */
const mark = '\uFDD0';

/**
 * Parts every special token that somebody wrote out in a text, so that it means no more than its characters say: a message
 * that holds `<|im_end|>` must not end the turn that it is part of. The text may go through a template before `piecesOf`.
 * @param tokens as the vocabulary writes them, of at least two characters.
 */
export function partTokens(text: string, tokens: readonly string[]): string {
  if (tokens.length === 0) return text;
  const any = tokens.map((token) => token.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')).join('|');
  return text.replace(new RegExp(`(?=(?:${any}))[^]`, 'gu'), (first) => first + mark);
}

/** The pieces of a text with parted tokens, each to be encoded by itself. */
export function piecesOf(text: string): string[] {
  return text.split(mark).filter((piece) => piece !== '');
}
