import { closeCodes } from './websocket-codes.js';
import { maxControlBytes, opcodes, type WebSocketRole } from './websocket-encode.js';

/** What a decoder finds in the bytes of the other side. */
export interface WebSocketEvents {
  /** Bytes of binary messages; where messages begin and end is not told. `owned`: nobody else uses their memory. */
  onPayload(bytes: Uint8Array, owned: boolean): void;
  onPing(payload: Uint8Array): void;
  /** The last event: the other side closes with this code or, if there is a `problem`, must be closed with it. */
  onEnd(code: number, problem: string | undefined): void;
}

const longestHead = 14;

/**
 * Takes the frames of RFC 6455, section 5, off a stream of bytes and hands their payloads on as they arrive: nothing is
 * gathered but frame heads and the 125 bytes of a control frame, so no length needs a limit.
 */
export class WebSocketDecoder {
  readonly #fromClient: boolean;
  readonly #events: WebSocketEvents;
  readonly #head = Buffer.alloc(longestHead);
  #headBytes = 0;
  #headNeeded = 2;
  /** Of the current frame: payload bytes still to come. */
  #left = 0;
  #masked = false;
  readonly #key = new Uint8Array(4);
  /** The place in the key of the next payload byte. */
  #keyAt = 0;
  /** The opcode of a control frame under way, and its payload so far. */
  #control: number | undefined;
  readonly #controlPayload = Buffer.alloc(maxControlBytes);
  #controlBytes = 0;
  #inMessage = false;
  #ended = false;

  constructor(role: WebSocketRole, events: WebSocketEvents) {
    this.#fromClient = role === 'server';
    this.#events = events;
  }

  /** How many of the next bytes are payload that `onPayload` would be given as it is. */
  get plainBytes(): number {
    return this.#masked || this.#control !== undefined ? 0 : this.#left;
  }

  /** So many bytes, at most `plainBytes`, were read elsewhere. */
  skip(bytes: number): void {
    this.#left -= bytes;
  }

  /** Takes the next bytes; masked payload is unmasked in place. An `owned` chunk is the whole of its memory. */
  push(chunk: Uint8Array, owned: boolean): void {
    let at = 0;
    let alone = owned;
    while (at < chunk.length && !this.#ended) {
      if (this.#left === 0) {
        at = this.#readHead(chunk, at);
        continue;
      }
      const end = Math.min(chunk.length, at + this.#left);
      const payload = at === 0 && end === chunk.length ? chunk : chunk.subarray(at, end);
      this.#left -= payload.length;
      at = end;
      if (this.#masked) this.#unmask(payload);
      if (this.#control !== undefined) this.#takeControl(payload);
      else {
        // The memory around the payload must hold nothing that is used later; elements want aligned memory.
        this.#events.onPayload(payload, alone && end === chunk.length && payload.byteOffset % 8 === 0);
        alone = false;
      }
    }
  }

  /** Reads on in a frame's head; gives the place behind what it took. */
  #readHead(chunk: Uint8Array, from: number): number {
    let at = from;
    while (at < chunk.length && this.#headBytes < this.#headNeeded) {
      this.#head[this.#headBytes++] = chunk[at++] ?? 0;
      if (this.#headBytes === 2) {
        const problem = this.#checkStart();
        if (problem !== undefined) return this.#refuse(at, ...problem);
      }
    }
    if (this.#headBytes < this.#headNeeded) return at;
    this.#headBytes = 0;
    return this.#begin(at);
  }

  /** Checks the first two bytes of a head and finds how long it is. */
  #checkStart(): [code: number, problem: string] | undefined {
    const [first = 0, second = 0] = this.#head;
    const opcode = first & 0x0f;
    const final = first >= 0x80;
    const short = second & 0x7f;
    const masked = second >= 0x80;
    if ((first & 0x70) !== 0) return [closeCodes.protocolError, 'reserved bits are set'];
    if (masked !== this.#fromClient) return [closeCodes.protocolError, 'only what a client sends must be masked'];
    if (opcode === opcodes.text) return [closeCodes.unsupported, 'text was sent, not binary data'];
    if (opcode >= opcodes.close && opcode <= opcodes.pong) {
      if (!final || short > maxControlBytes) return [closeCodes.protocolError, 'a control frame is long or in pieces'];
      this.#control = opcode;
    } else if (opcode === opcodes.binary || opcode === opcodes.continuation) {
      const continues = opcode === opcodes.continuation;
      if (continues !== this.#inMessage) return [closeCodes.protocolError, 'the pieces of a message are out of order'];
      this.#inMessage = !final;
      this.#control = undefined;
    } else return [closeCodes.protocolError, 'an opcode is unknown'];
    this.#headNeeded = 2 + (short < 126 ? 0 : short === 126 ? 2 : 8) + (masked ? 4 : 0);
    return undefined;
  }

  /** The head is complete: the payload begins. */
  #begin(at: number): number {
    const head = this.#head;
    const short = (head[1] ?? 0) & 0x7f;
    this.#left = short;
    if (short === 126) this.#left = head.readUInt16BE(2);
    else if (short === 127) this.#left = head.readUInt32BE(2) * 2 ** 32 + head.readUInt32BE(6);
    if (!Number.isSafeInteger(this.#left)) return this.#refuse(at, closeCodes.tooLarge, 'a length is absurd');
    const keyStart = this.#headNeeded - 4;
    this.#masked = this.#fromClient && head.readUInt32BE(keyStart) !== 0;
    if (this.#masked) this.#key.set(head.subarray(keyStart, this.#headNeeded));
    this.#keyAt = 0;
    this.#headNeeded = 2;
    if (this.#control !== undefined && this.#left === 0) this.#endControl();
    return at;
  }

  #unmask(payload: Uint8Array): void {
    const start = this.#keyAt;
    for (let i = 0; i < payload.length; i++) payload[i] = (payload[i] ?? 0) ^ (this.#key[(start + i) & 3] ?? 0);
    this.#keyAt = (start + payload.length) & 3;
  }

  #takeControl(payload: Uint8Array): void {
    this.#controlPayload.set(payload, this.#controlBytes);
    this.#controlBytes += payload.length;
    if (this.#left === 0) this.#endControl();
  }

  #endControl(): void {
    const payload = this.#controlPayload.subarray(0, this.#controlBytes);
    const opcode = this.#control;
    this.#controlBytes = 0;
    this.#control = undefined;
    if (opcode === opcodes.ping) this.#events.onPing(payload);
    else if (opcode === opcodes.close) this.#close(payload);
  }

  #close(payload: Buffer): void {
    const code = payload.length === 0 ? closeCodes.none : payload.length === 1 ? 0 : payload.readUInt16BE(0);
    if (payload.length > 0 && !mayBeSent(code)) {
      this.#refuse(0, closeCodes.protocolError, 'a close frame has no valid code');
      return;
    }
    this.#ended = true;
    this.#events.onEnd(code, undefined);
  }

  #refuse(at: number, code: number, problem: string): number {
    this.#ended = true;
    this.#left = 0;
    this.#events.onEnd(code, problem);
    return at;
  }
}

/** Codes that may stand in a close frame (RFC 6455, section 7.4, and the registry of IANA). */
function mayBeSent(code: number): boolean {
  return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) || (code >= 3000 && code <= 4999);
}
