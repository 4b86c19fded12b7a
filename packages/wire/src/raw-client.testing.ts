import { once } from 'node:events';
import net from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { encodeFrame } from './frame-encode.js';
import { type Frame, FrameReader } from './frame-reader.js';
import { helloFrame } from './hello.js';
import { defaultLimits } from './limits.js';

/** A TCP client that may misbehave: it sends what it is told and collects the frames that come back. */
export class RawClient implements AsyncDisposable {
  readonly frames: Frame[] = [];
  readonly socket: net.Socket;
  closed = false;

  private constructor(socket: net.Socket) {
    this.socket = socket;
    const reader = new FrameReader(defaultLimits, (frame) => this.frames.push(frame));
    socket.on('data', (chunk) => reader.push(chunk, false));
    socket.on('error', () => socket.destroy());
    socket.on('close', () => {
      this.closed = true;
    });
  }

  static async connect(url: string, options: { hello?: boolean } = {}): Promise<RawClient> {
    const { hostname, port } = new URL(url);
    const socket = net.connect(Number(port), hostname);
    const client = new RawClient(socket);
    await once(socket, 'connect');
    if (options.hello === true) {
      client.send(...helloFrame(undefined, defaultLimits).parts);
      await client.until(() => client.frames.length > 0);
    }
    return client;
  }

  send(...parts: readonly Uint8Array[]): void {
    for (const part of parts) this.socket.write(part);
  }

  request(id: number, fields: Record<string, unknown> = { method: 'x' }): void {
    this.send(...encodeFrame('request', id, fields).parts);
  }

  async until(condition: () => boolean, timeoutMs = 20_000): Promise<void> {
    const end = performance.now() + timeoutMs;
    while (!condition()) {
      if (performance.now() > end) throw new Error('The condition did not come true in time.');
      await sleep(2);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.socket.destroy();
    await this.until(() => this.closed);
  }
}
