import { describe, expect, it } from 'vitest';
import { keepConversation, readConversation, type Turn } from './conversation.js';

/** As much of a tab's storage as is used. */
function storage(): Storage {
  const items = new Map<string, string>();
  const own = {
    getItem: (key: string) => items.get(key) ?? null,
    setItem: (key: string, value: string) => void items.set(key, value),
  };
  return own as unknown as Storage;
}

describe('the conversation of a tab', () => {
  it('is read as it was kept', () => {
    const tab = storage();
    const turns: Turn[] = [
      { role: 'user', content: 'Hello' },
      { role: 'assistant', content: 'Hi', broken: 'Stopped.' },
    ];
    keepConversation(tab, turns);
    expect(readConversation(tab)).toEqual(turns);
  });

  it.each(['{', 'null', '{"turns":[]}', '[1,null,{"role":"system","content":"x"},{"role":"user","content":3}]'])(
    'is empty where %s was kept',
    (text) => {
      const tab = storage();
      tab.setItem('cutpoint.chat', text);
      expect(readConversation(tab)).toEqual([]);
    },
  );

  it('loses its oldest turns where it is too long for a tab, and never its last', () => {
    const tab = storage();
    const turns = Array.from({ length: 30 }, (_, i): Turn => ({ role: 'user', content: `${i}`.padEnd(100_000, '.') }));
    keepConversation(tab, turns);
    expect(readConversation(tab)).toEqual(turns.slice(10));
  });
});
