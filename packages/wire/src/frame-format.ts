import { CutpointError } from '@cutpoint/core';

/** Version of the frame format; docs/wire.md describes it. */
export const wireVersion = 1;

/** Kinds of frames and their numbers on the wire. */
export const frameTypes = {
  hello: 1,
  request: 2,
  reply: 3,
  error: 4,
  cancel: 5,
  ping: 6,
  pong: 7,
  goodbye: 8,
} as const;
export type FrameType = keyof typeof frameTypes;

const typesByNumber: (FrameType | undefined)[] = [];
for (const type of Object.keys(frameTypes) as FrameType[]) typesByNumber[frameTypes[type]] = type;

/** Length of the fixed part every frame starts with. */
export const fixedBytes = 32;
/** "CUTP", read as a little-endian number. */
const magic = 0x50545543;

/** The fixed part of a frame, decoded. */
export interface FixedPart {
  readonly type: FrameType;
  readonly id: number;
  readonly headerBytes: number;
  readonly payloadBytes: number;
  /** Of a request what is left of its deadline, of a reply the time it took on the server; 0: not given. */
  readonly timeMs: number;
}

/** Length rounded up to the next multiple of 8. */
export function padded(bytes: number): number {
  const over = bytes % 8;
  return over === 0 ? bytes : bytes + 8 - over;
}

/** What is written at the moment: a view of its own for each frame would cost more than the rest. */
const written = new Uint8Array(fixedBytes);
const writtenView = new DataView(written.buffer);

/** Writes the fixed part at the start of `target`. */
export function writeFixed(target: Uint8Array, part: FixedPart): void {
  writtenView.setUint32(0, magic, true);
  written[4] = wireVersion;
  written[5] = frameTypes[part.type];
  writtenView.setUint32(8, part.id, true);
  writtenView.setUint32(12, part.headerBytes, true);
  writtenView.setUint32(16, part.payloadBytes >>> 0, true);
  writtenView.setUint32(20, Math.floor(part.payloadBytes / 2 ** 32), true);
  writtenView.setFloat64(24, part.timeMs, true);
  target.set(written);
}

/**
 * Reads the fixed part at a place. Error frames are read in any version, so that a peer of another version can say so.
 * @throws CutpointError CUT_WIRE_MALFORMED if it is none, CUT_WIRE_VERSION for another version.
 */
export function readFixed(bytes: Uint8Array, at: number): FixedPart {
  if (uint32At(bytes, at) !== magic) {
    throw new CutpointError(
      'CUT_WIRE_MALFORMED',
      'The other side does not speak the Cutpoint protocol; check the port and the scheme of the URL (tcp, tcps, ws, wss).',
    );
  }
  const version = bytes[at + 4];
  const type = typesByNumber[bytes[at + 5] ?? 0];
  if (version !== wireVersion && type !== 'error') {
    throw new CutpointError(
      'CUT_WIRE_VERSION',
      `The other side speaks version ${version} of the wire protocol and this side version ${wireVersion}; update the older one.`,
    );
  }
  const timeMs = float64At(bytes, at + 24);
  if (type === undefined || bytes[at + 6] !== 0 || bytes[at + 7] !== 0 || !(timeMs >= 0 && timeMs < Infinity)) {
    throw new CutpointError('CUT_WIRE_MALFORMED', 'A frame has an unknown type, flags or an impossible time.');
  }
  return {
    type,
    id: uint32At(bytes, at + 8),
    headerBytes: uint32At(bytes, at + 12),
    payloadBytes: uint32At(bytes, at + 16) + uint32At(bytes, at + 20) * 2 ** 32,
    timeMs,
  };
}

/** The little-endian number at a place; by hand, as a DataView for each frame costs more than the rest of the frame. */
function uint32At(bytes: Uint8Array, at: number): number {
  const low = (bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8);
  return low + (bytes[at + 2] ?? 0) * 2 ** 16 + (bytes[at + 3] ?? 0) * 2 ** 24;
}

const numberBytes = new Uint8Array(8);
const numberView = new DataView(numberBytes.buffer);

function float64At(bytes: Uint8Array, at: number): number {
  for (let i = 0; i < 8; i++) numberBytes[i] = bytes[at + i] ?? 0;
  return numberView.getFloat64(0, true);
}
