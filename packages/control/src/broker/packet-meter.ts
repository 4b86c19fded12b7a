import { CutpointError } from '@cutpoint/core';

/**
 * Follows the MQTT packets through a stream of bytes without keeping any, so that a packet that is too long is refused
 * at its header, before somebody collects it (MQTT 3.1.1, section 2.2: one byte of type, up to four of length).
 */
export class PacketMeter {
  /** Bytes of the packet that are still to come; undefined while its header is read. */
  #left = 0;
  #inLength = false;
  #length = 0;
  #lengthBytes = 0;

  /**
   * Counts the packets that begin in these bytes.
   * @throws CutpointError CUT_WIRE_TOO_LARGE, CUT_WIRE_MALFORMED
   */
  take(bytes: Uint8Array, maxPacketBytes: number): number {
    let packets = 0;
    for (let at = 0; at < bytes.length; ) {
      if (this.#left > 0) {
        const passed = Math.min(this.#left, bytes.length - at);
        this.#left -= passed;
        at += passed;
      } else if (this.#inLength) {
        this.#readLength(bytes[at++] ?? 0, maxPacketBytes);
      } else {
        at++;
        packets++;
        this.#inLength = true;
        this.#length = 0;
        this.#lengthBytes = 0;
      }
    }
    return packets;
  }

  #readLength(byte: number, maxPacketBytes: number): void {
    this.#length += (byte & 0x7f) * 128 ** this.#lengthBytes++;
    if (this.#length > maxPacketBytes) {
      const message = `A packet of ${this.#length} bytes or more is longer than the ${maxPacketBytes} bytes that are allowed.`;
      throw new CutpointError('CUT_WIRE_TOO_LARGE', message);
    }
    if ((byte & 0x80) === 0) {
      this.#inLength = false;
      this.#left = this.#length;
    } else if (this.#lengthBytes === 4) {
      throw new CutpointError('CUT_WIRE_MALFORMED', 'What was sent is not MQTT: the length of a packet does not end.');
    }
  }
}
