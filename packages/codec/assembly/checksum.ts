/** xxHash32's stripes of 16 bytes; the whole is in src/kernels/checksum.ts. */

const prime1: u32 = 0x9e3779b1;
const prime2: u32 = 0x85ebca77;

/** Takes stripes into the four lanes at `lanes` (u32). */
export function takeStripes(bytes: usize, stripes: i32, lanes: usize): void {
  let a = load<u32>(lanes);
  let b = load<u32>(lanes, 4);
  let c = load<u32>(lanes, 8);
  let d = load<u32>(lanes, 12);
  const end = bytes + <usize>stripes * 16;
  for (; bytes < end; bytes += 16) {
    a = rotl<u32>(a + load<u32>(bytes) * prime2, 13) * prime1;
    b = rotl<u32>(b + load<u32>(bytes, 4) * prime2, 13) * prime1;
    c = rotl<u32>(c + load<u32>(bytes, 8) * prime2, 13) * prime1;
    d = rotl<u32>(d + load<u32>(bytes, 12) * prime2, 13) * prime1;
  }
  store<u32>(lanes, a);
  store<u32>(lanes, b, 4);
  store<u32>(lanes, c, 8);
  store<u32>(lanes, d, 12);
}
