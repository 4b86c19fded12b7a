import type { EncodedFrame } from './frame-encode.js';
import type { Link } from './link.js';

interface Entry {
  readonly frame: EncodedFrame;
  readonly onSent: (() => void) | undefined;
}

/** Sends frames one after the other, only as fast as the link takes them. */
export class FrameWriter {
  readonly #link: Link;
  readonly #queue: Entry[] = [];
  #current: Entry | undefined;
  #partIndex = 0;
  #partOffset = 0;
  #blocked = false;

  constructor(link: Link) {
    this.#link = link;
  }

  /** True if the link has taken everything. */
  get idle(): boolean {
    return this.#current === undefined && !this.#blocked;
  }

  /** Frames that have not begun to be sent. */
  get waiting(): number {
    return this.#queue.length;
  }

  /** Sends a frame after those before it; an urgent one goes before all that have not begun. */
  send(frame: EncodedFrame, options: { urgent?: boolean; onSent?: () => void } = {}): void {
    const entry = { frame, onSent: options.onSent };
    if (options.urgent === true) this.#queue.unshift(entry);
    else this.#queue.push(entry);
    this.#pump();
  }

  /** Takes back a frame that has not begun to be sent; false if it is too late. */
  takeBack(frame: EncodedFrame): boolean {
    const index = this.#queue.findIndex((entry) => entry.frame === frame);
    if (index >= 0) this.#queue.splice(index, 1);
    return index >= 0;
  }

  /** Drops what has not begun and sends one last frame, then calls `done`. */
  finish(last: EncodedFrame, done: () => void): void {
    this.#queue.length = 0;
    this.send(last, { onSent: done });
  }

  /** The link takes more. */
  drained(): void {
    this.#blocked = false;
    this.#pump();
  }

  #pump(): void {
    while (!this.#blocked) {
      this.#current ??= this.#queue.shift();
      if (this.#current === undefined) return;
      const { frame, onSent } = this.#current;
      this.#blocked = !this.#link.write(this.#nextStep(frame));
      if (this.#partIndex < frame.parts.length) continue;
      this.#current = undefined;
      this.#partIndex = 0;
      onSent?.();
    }
  }

  /** The next parts of the frame, up to the size of a step; only a part that is larger than a step is cut. */
  #nextStep({ parts, bytes }: EncodedFrame): readonly Uint8Array[] {
    const { stepBytes } = this.#link;
    if (bytes <= stepBytes) {
      this.#partIndex = parts.length;
      return parts;
    }
    const step: Uint8Array[] = [];
    let room = stepBytes;
    for (let part = parts[this.#partIndex]; part !== undefined; part = parts[this.#partIndex]) {
      const piece = part.subarray(this.#partOffset, this.#partOffset + stepBytes);
      if (piece.length > room) break;
      step.push(piece);
      room -= piece.length;
      this.#partOffset += piece.length;
      if (this.#partOffset < part.length) break;
      this.#partIndex++;
      this.#partOffset = 0;
    }
    return step;
  }
}
