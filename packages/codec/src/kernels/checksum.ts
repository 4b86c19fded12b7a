const prime1 = 0x9e3779b1;
const prime2 = 0x85ebca77;
const prime3 = 0xc2b2ae3d;
const prime4 = 0x27d4eb2f;
const prime5 = 0x165667b1;

/**
 * xxHash32 with seed 0 (Collet, github.com/Cyan4973/xxHash, doc/xxhash_spec.md), 0 to 2^32 - 1. Every change within
 * four neighbouring bytes that a lane takes together changes it; any other goes unnoticed once in 2^32.
 */
export function checksum(bytes: Uint8Array): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const lanes = Uint32Array.of(prime1 + prime2, prime2, 0, -prime1);
  const striped = bytes.length & ~15;
  for (let at = 0; at < striped; at += 16) {
    for (let lane = 0; lane < 4; lane++) lanes[lane] = round(lanes[lane] ?? 0, view.getUint32(at + lane * 4, true));
  }
  return finish(lanes, view);
}

/** The hash of bytes whose whole stripes of 16 have gone into the lanes. */
function finish(lanes: Uint32Array, view: DataView): number {
  const { byteLength } = view;
  const [a = 0, b = 0, c = 0, d = 0] = lanes;
  let hash = byteLength < 16 ? prime5 : (turn(a, 1) + turn(b, 7) + turn(c, 12) + turn(d, 18)) | 0;
  hash = (hash + byteLength) | 0;
  let at = byteLength & ~15;
  for (; at + 4 <= byteLength; at += 4) {
    hash = Math.imul(turn((hash + Math.imul(view.getUint32(at, true), prime3)) | 0, 17), prime4);
  }
  for (; at < byteLength; at++) hash = Math.imul(turn((hash + Math.imul(view.getUint8(at), prime5)) | 0, 11), prime1);
  hash = Math.imul(hash ^ (hash >>> 15), prime2);
  hash = Math.imul(hash ^ (hash >>> 13), prime3);
  return (hash ^ (hash >>> 16)) >>> 0;
}

function round(lane: number, word: number): number {
  return Math.imul(turn((lane + Math.imul(word, prime2)) | 0, 13), prime1);
}

function turn(word: number, by: number): number {
  return (word << by) | (word >>> (32 - by));
}
