import type { AnswerFigures, ChatChoice, OpenedChat } from './worker/messages.js';

/** A line of what an answer costs. */
export function figuresText({ tokens, tokensPerSecond, upBytesPerToken, downBytesPerToken }: AnswerFigures): string {
  if (tokensPerSecond === undefined) return `${tokens} token${tokens === 1 ? '' : 's'}`;
  const bytes = `${upBytesPerToken.toFixed(0)} bytes up and ${downBytesPerToken.toFixed(0)} down a token`;
  return `${tokens} tokens, ${tokensPerSecond.toFixed(1)} tokens/s, ${bytes}`;
}

/** A line of what runs where. */
export function placeText({ at, codec, private: hides }: ChatChoice, opened: OpenedChat): string {
  const { name, layers, provider, threads } = opened;
  if (at === 0 && !hides) return `${name}: nothing runs here; token ids cross, all ${layers} layers are at the server.`;
  const what = at === 0 ? 'the head runs' : `${at} of ${layers} layers run`;
  const on = provider === 'webgpu' ? 'WebGPU' : `WebAssembly, ${threads} thread${threads === 1 ? '' : 's'}`;
  const words = hides ? '; the server sees no words' : '';
  return `${name}: ${what} here on ${on}; ${codec} crosses${words}.`;
}

export function progressText(bytes: number, of: number): string {
  return `${(bytes / 1e6).toFixed(1)} of ${(of / 1e6).toFixed(1)} MB of the model are here`;
}
