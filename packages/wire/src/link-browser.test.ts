import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { BrowserSocket } from './browser-socket.js';
import type { LinkEvents } from './link.js';
import { BrowserLink } from './link-browser.js';

const mebibyte = 1024 * 1024;

/** A browser's WebSocket whose network is as slow as the test wants it. */
class HeldSocket implements BrowserSocket {
  binaryType = 'arraybuffer';
  readyState = 1;
  bufferedAmount = 0;
  readonly closedWith: (number | undefined)[] = [];
  onopen: BrowserSocket['onopen'] = null;
  onmessage: BrowserSocket['onmessage'] = null;
  onclose: BrowserSocket['onclose'] = null;

  send(bytes: Uint8Array): void {
    this.bufferedAmount += bytes.length;
  }

  close(code?: number): void {
    this.closedWith.push(code);
  }
}

function opened() {
  const socket = new HeldSocket();
  const link = new BrowserLink(socket);
  const events = {
    onData: vi.fn<LinkEvents['onData']>(),
    target: () => undefined,
    onFilled: vi.fn<LinkEvents['onFilled']>(),
    onDrain: vi.fn<LinkEvents['onDrain']>(),
    onClose: vi.fn<LinkEvents['onClose']>(),
  };
  link.start(events);
  const receive = (...bytes: number[]) => socket.onmessage?.({ data: Uint8Array.from(bytes).buffer });
  const received = () => events.onData.mock.calls.map(([chunk]) => [...chunk]);
  return { socket, link, events, receive, received };
}

describe('a link over the WebSocket of a browser', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it('lets write on while little waits in the browser', () => {
    const { link, events } = opened();
    expect(link.write([new Uint8Array(mebibyte)])).toBe(true);
    vi.advanceTimersByTime(1_000);
    expect(events.onDrain).not.toHaveBeenCalled();
  });

  it('stops writing when much waits, and goes on once half of it is gone, told once', () => {
    const { socket, link, events } = opened();
    expect(link.write([new Uint8Array(mebibyte), new Uint8Array(1)])).toBe(false);
    expect(link.write([new Uint8Array(1)])).toBe(false);
    socket.bufferedAmount = mebibyte / 2 + 1;
    vi.advanceTimersByTime(1_000);
    expect(events.onDrain).not.toHaveBeenCalled();
    socket.bufferedAmount = mebibyte / 2;
    vi.advanceTimersByTime(1_000);
    expect(events.onDrain).toHaveBeenCalledOnce();
    expect(vi.getTimerCount()).toBe(0);
  });

  it('looks no longer at a connection that is over', () => {
    const { socket, link, events } = opened();
    link.write([new Uint8Array(2 * mebibyte)]);
    socket.onclose?.({ code: 1006 });
    expect(events.onClose).toHaveBeenCalledExactlyOnceWith(expect.objectContaining({ code: 'CUT_CONNECTION_LOST' }));
    expect(vi.getTimerCount()).toBe(0);
    expect(link.write([new Uint8Array(2 * mebibyte)])).toBe(true);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('holds what comes while it is paused, and gives it in order', () => {
    const { link, receive, received } = opened();
    receive(1);
    link.pause();
    receive(2);
    receive(3, 4);
    expect(received()).toEqual([[1]]);
    link.resume();
    receive(5);
    expect(received()).toEqual([[1], [2], [3, 4], [5]]);
  });

  it('stops in the middle of what it held when it is paused again there', () => {
    const { link, events, receive, received } = opened();
    link.pause();
    for (const byte of [1, 2, 3]) receive(byte);
    events.onData.mockImplementationOnce(() => link.pause());
    link.resume();
    expect(received()).toEqual([[1]]);
    receive(4);
    expect(received()).toEqual([[1]]);
    link.resume();
    expect(received()).toEqual([[1], [2], [3], [4]]);
  });

  it('gives up a connection that brings more than a page can hold', () => {
    const { socket, link, events } = opened();
    const data = new ArrayBuffer(64 * mebibyte);
    link.pause();
    for (let i = 0; i < 4; i++) socket.onmessage?.({ data });
    expect(events.onClose).not.toHaveBeenCalled();
    socket.onmessage?.({ data: new ArrayBuffer(1) });
    expect(events.onClose).toHaveBeenCalledExactlyOnceWith(expect.objectContaining({ code: 'CUT_OVERLOADED' }));
    expect(socket.closedWith).toEqual([1000]);
  });

  it('takes no text', () => {
    const { socket, events } = opened();
    socket.onmessage?.({ data: 'text' });
    expect(events.onClose).toHaveBeenCalledExactlyOnceWith(expect.objectContaining({ code: 'CUT_WIRE_MALFORMED' }));
  });

  it('is over without an error when the other side ends it in good order', () => {
    const { socket, events } = opened();
    socket.onclose?.({ code: 1000 });
    expect(events.onClose).toHaveBeenCalledExactlyOnceWith(undefined);
  });
});
