import { CutpointError } from '@cutpoint/core';
import type { Courier, CourierEvents } from './courier.js';

/** What becomes of a message on its way: how often it arrives. */
export type Fate = (message: Uint8Array, from: string, to: string) => number;

/** A broker in this process, which may lose or repeat messages. Each message arrives in a turn of its own, in order. */
export class MemoryBroker {
  readonly #stations = new Map<string, CourierEvents>();
  /** Bytes that were published and have not arrived; a broker would hold them. */
  waitingBytes = 0;
  mostWaitingBytes = 0;
  fate: Fate = () => 1;

  courier(device: string, maxMessageBytes = 256 * 1024): Courier {
    return {
      device,
      maxMessageBytes,
      start: (events) => {
        this.#stations.set(device, events);
      },
      publish: async (to, message) => {
        if (!this.#stations.has(device)) throw new CutpointError('CUT_CONNECTION_LOST', 'not connected to the broker');
        if (message.length > maxMessageBytes) throw new Error(`A message of ${message.length} bytes is too long.`);
        const times = this.fate(message, device, to);
        for (let i = 0; i < times; i++) this.#carry(device, to, Uint8Array.from(message));
      },
      close: () => {
        this.#stations.delete(device);
      },
    };
  }

  /** Cuts a device off; its courier hears of it. */
  cut(device: string): void {
    const events = this.#stations.get(device);
    this.#stations.delete(device);
    events?.onLost(new CutpointError('CUT_CONNECTION_LOST', 'The connection to the broker was lost.'));
  }

  /** A message that its sender made by hand. */
  inject(from: string, to: string, message: Uint8Array): void {
    this.#carry(from, to, message);
  }

  #carry(from: string, to: string, message: Uint8Array): void {
    this.waitingBytes += message.length;
    this.mostWaitingBytes = Math.max(this.mostWaitingBytes, this.waitingBytes);
    setImmediate(() => {
      this.waitingBytes -= message.length;
      this.#stations.get(to)?.onMessage(from, message);
    });
  }
}
