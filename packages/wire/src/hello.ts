import { CutpointError, isErrorCode } from '@cutpoint/core';
import { type EncodedFrame, encodeFrame } from './frame-encode.js';
import { wireVersion } from './frame-format.js';
import type { Frame } from './frame-reader.js';
import { defaultLimits, type FrameLimits, type WireLimits } from './limits.js';
import type { PeerIdentity } from './tls.js';

/** How one side introduces itself to the other. */
export interface Hello extends FrameLimits {
  /** For people and logs, e.g. `server@pi-4`. */
  readonly name: string;
  /** What it can do beyond the protocol itself, e.g. codecs; the other side ignores words that it does not know. */
  readonly capabilities: readonly string[];
  readonly maxRequests: number;
  /** It takes brief frames. */
  readonly briefFrames: boolean;
}

/** The other side of a connection. */
export interface Remote extends Hello {
  /** Who its certificate says it is, where a check has accepted one. All else in here is only what it says. */
  readonly identity?: PeerIdentity;
}

/** What the caller chooses of a hello. */
export interface Introduction {
  readonly name: string;
  readonly capabilities: readonly string[];
}

const maxName = 256;
const maxCapabilities = 64;
/** More requests at a time than this need not be served; it keeps what can pile up on a connection small. */
const mostRequests = 1024;

/** The hello frame of this side. @throws CutpointError CUT_USAGE if it would exceed what a stranger may send. */
export function helloFrame(introduction: Introduction | undefined, limits: WireLimits, token?: string): EncodedFrame {
  const { name, capabilities } = introduction ?? { name: 'cutpoint', capabilities: [] };
  const { maxFrameBytes, maxHeaderBytes, maxTensors } = limits;
  const maxRequests = Math.min(limits.maxRequests, mostRequests);
  const frame = encodeFrame('hello', 0, {
    version: wireVersion,
    name,
    capabilities,
    maxFrameBytes,
    maxHeaderBytes,
    maxTensors,
    maxRequests,
    briefFrames: true,
    token,
  });
  if (frame.bytes <= 4096 && name.length <= maxName && capabilities.length <= maxCapabilities) return frame;
  throw new CutpointError('CUT_USAGE', 'The hello is too long: shorten the name, the capabilities or the token.');
}

/** @throws CutpointError CUT_WIRE_MALFORMED or CUT_WIRE_VERSION */
export function parseHello(frame: Frame): Hello & { readonly token: string | undefined } {
  const { version, name, capabilities, maxFrameBytes, maxRequests, token } = frame.fields;
  const maxHeaderBytes = frame.fields.maxHeaderBytes ?? defaultLimits.maxHeaderBytes;
  const maxTensors = frame.fields.maxTensors ?? defaultLimits.maxTensors;
  if (frame.type !== 'hello') throw malformed(`a frame of type ${frame.type} came before the hello`);
  if (version !== wireVersion) {
    throw new CutpointError(
      'CUT_WIRE_VERSION',
      `The other side speaks version ${String(version)} of the wire protocol and this side version ${wireVersion}.`,
    );
  }
  if (typeof name !== 'string' || name.length > maxName) throw malformed('the hello has no valid name');
  if (!isTextList(capabilities)) throw malformed('the hello has no valid capabilities');
  if (!isCount(maxFrameBytes, Number.MAX_SAFE_INTEGER)) throw malformed('the hello has no valid maxFrameBytes');
  if (!isCount(maxHeaderBytes, Number.MAX_SAFE_INTEGER)) throw malformed('the hello has no valid maxHeaderBytes');
  if (!isCount(maxTensors, Number.MAX_SAFE_INTEGER)) throw malformed('the hello has no valid maxTensors');
  if (!isCount(maxRequests, mostRequests)) throw malformed('the hello has no valid maxRequests');
  const limits = { maxFrameBytes, maxHeaderBytes, maxTensors, maxRequests };
  const briefFrames = frame.fields.briefFrames === true;
  return { name, capabilities, ...limits, briefFrames, token: typeof token === 'string' ? token : undefined };
}

/** The error that an error frame carries. Codes of other versions become CUT_INTERNAL; without one it is malformed. */
export function parseError({ fields: { code, message } }: Frame): CutpointError {
  const text = typeof message === 'string' ? message.slice(0, 2_000) : 'The other side gave no reason.';
  const otherwise = typeof code === 'string' ? 'CUT_INTERNAL' : 'CUT_WIRE_MALFORMED';
  return new CutpointError(isErrorCode(code) ? code : otherwise, text);
}

function isTextList(value: unknown): value is string[] {
  return Array.isArray(value) && value.length <= maxCapabilities && value.every((text) => typeof text === 'string');
}

function isCount(value: unknown, most: number): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 1 && (value as number) <= most;
}

function malformed(what: string): CutpointError {
  return new CutpointError('CUT_WIRE_MALFORMED', `The introduction is refused: ${what}.`);
}
