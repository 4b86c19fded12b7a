import type { ChatChoice } from './worker/messages.js';

const key = 'cutpoint.chat.choice';

/** What was chosen in this tab before a reload; undefined if nothing was, or by another version of the page. */
export function readChoice(storage: Storage): ChatChoice | undefined {
  try {
    const value = JSON.parse(storage.getItem(key) ?? 'null') as Partial<ChatChoice> | null;
    const { at, codec, provider, private: hides } = value ?? {};
    const known = provider === 'auto' || provider === 'webgpu' || provider === 'wasm';
    if (!known || !Number.isSafeInteger(at) || typeof codec !== 'string' || typeof hides !== 'boolean')
      return undefined;
    return { at: at as number, codec, provider, private: hides };
  } catch {
    return undefined;
  }
}

export function keepChoice(storage: Storage, choice: ChatChoice): void {
  storage.setItem(key, JSON.stringify(choice));
}
