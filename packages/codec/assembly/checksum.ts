/** xxHash32 with seed 0; defined in src/kernels/checksum.ts. */

const prime1: u32 = 0x9e3779b1;
const prime2: u32 = 0x85ebca77;
const prime3: u32 = 0xc2b2ae3d;
const prime4: u32 = 0x27d4eb2f;
const prime5: u32 = 0x165667b1;

/** The state of the hash: four lanes (u32). */
const lanes = memory.data(16, 16);

/** Begins with no bytes. */
export function beginHash(): void {
  store<u32>(lanes, prime1 + prime2);
  store<u32>(lanes, prime2, 4);
  store<u32>(lanes, 0, 8);
  store<u32>(lanes, 0 - prime1, 12);
}

/** Takes stripes of 16 bytes. */
export function takeStripes(bytes: usize, stripes: i32): void {
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

/**
 * The hash of all stripes that were taken and of what is left.
 * @param rest the last bytes, fewer than 16
 * @param all how many bytes there were with those of the stripes
 */
export function finishHash(rest: usize, all: u32): u32 {
  let hash = prime5;
  if (all >= 16) {
    const firstHalf = rotl<u32>(load<u32>(lanes), 1) + rotl<u32>(load<u32>(lanes, 4), 7);
    hash = firstHalf + rotl<u32>(load<u32>(lanes, 8), 12) + rotl<u32>(load<u32>(lanes, 12), 18);
  }
  hash += all;
  const end = rest + (all & 15);
  for (; rest + 4 <= end; rest += 4) hash = rotl<u32>(hash + load<u32>(rest) * prime3, 17) * prime4;
  for (; rest < end; rest++) hash = rotl<u32>(hash + load<u8>(rest) * prime5, 11) * prime1;
  hash = (hash ^ (hash >>> 15)) * prime2;
  hash = (hash ^ (hash >>> 13)) * prime3;
  return hash ^ (hash >>> 16);
}
