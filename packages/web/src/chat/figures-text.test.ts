import { describe, expect, it } from 'vitest';
import { placeText } from './figures-text.js';
import type { ChatChoice, OpenedChat } from './worker/messages.js';

const opened: OpenedChat = { name: 'wren', layers: 8, provider: 'webgpu', threads: 1, notices: [], talks: true };
const said = (choice: Partial<ChatChoice>) =>
  placeText({ at: 3, codec: 'f16', provider: 'auto', private: false, ...choice }, opened);

describe('what runs where', () => {
  it('is said with what crosses', () => {
    expect(said({})).toBe('wren: 3 of 8 layers run here on WebGPU; f16 crosses.');
    expect(said({ private: true })).toMatch(/3 of 8 .* f16 crosses; the server sees no words/);
  });

  it('is nothing at all without layers, and token ids cross', () => {
    expect(said({ at: 0 })).toMatch(/nothing runs here; token ids cross, all 8 layers are at the server/);
  });

  it('is the head alone without layers where words are kept here', () => {
    expect(said({ at: 0, private: true })).toMatch(
      /the head runs here on WebGPU; f16 crosses; the server sees no words/,
    );
  });
});
