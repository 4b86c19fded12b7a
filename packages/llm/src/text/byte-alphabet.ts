/**
 * The alphabet in which byte-level vocabularies (GPT-2's and its heirs) write bytes: those that are printable in Latin-1 are
 * themselves, the others are U+0100 and on, in their order.
 */
export const byteOfCharacter: ReadonlyMap<string, number> = alphabet();

function alphabet(): Map<string, number> {
  const printable = (byte: number) =>
    (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || (byte >= 0xae && byte <= 0xff);
  const bytes = new Map<string, number>();
  let others = 0;
  for (let byte = 0; byte < 256; byte++) {
    bytes.set(String.fromCodePoint(printable(byte) ? byte : 0x100 + others++), byte);
  }
  return bytes;
}
