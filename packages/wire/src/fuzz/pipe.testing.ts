import { CutpointError } from '@cutpoint/core';
import { type Frame, FrameReader } from '../frame-reader.js';
import { defaultLimits } from '../limits.js';
import type { Link, LinkEvents } from '../link.js';

/** One end of a connection whose other end is the test: no network, no waiting. */
export class TestPipe implements Link {
  readonly stepBytes = 1024 * 1024;
  readonly written: Uint8Array[] = [];
  closed = false;
  #events: LinkEvents | undefined;

  start(events: LinkEvents): void {
    this.#events = events;
  }

  /** Bytes arrive from the other end. */
  deliver(bytes: Uint8Array, owned: boolean): void {
    if (!this.closed) this.#events?.onData(bytes, owned);
  }

  write(list: readonly Uint8Array[]): boolean {
    for (const bytes of list) if (!this.closed) this.written.push(bytes.slice());
    return true;
  }

  pause(): void {}

  resume(): void {}

  end(): void {
    this.destroy();
  }

  destroy(): void {
    if (this.closed) return;
    this.closed = true;
    queueMicrotask(() => this.#events?.onClose());
  }
}

/** The frames that were written. @throws CutpointError if they are none */
export function framesOf(written: readonly Uint8Array[]): readonly Frame[] {
  const frames: Frame[] = [];
  const reader = new FrameReader(defaultLimits, (frame) => frames.push(frame));
  for (const bytes of written) reader.push(bytes, false);
  return frames;
}

/** @throws the error, if it was made of one that nobody expected: a defect */
export function checkExpected(error: CutpointError | undefined): void {
  if (error?.code === 'CUT_INTERNAL' && error.cause !== undefined) throw error.cause;
  if (error !== undefined && !(error instanceof CutpointError)) throw error;
}
