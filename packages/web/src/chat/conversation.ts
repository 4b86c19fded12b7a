/** One turn of a conversation. */
export interface Turn {
  readonly role: 'user' | 'assistant';
  readonly content: string;
  /** Why an answer is not whole: it was stopped, the page was left, or what went wrong. */
  readonly broken?: string | undefined;
}

const key = 'cutpoint.chat';
/** Far more than fits any model; what a tab may keep is about 5 MB. */
const mostCharacters = 2e6;

/** The conversation of this tab, which a reload keeps. What cannot be read is none: it is of another version of the page. */
export function readConversation(storage: Storage): readonly Turn[] {
  try {
    const value: unknown = JSON.parse(storage.getItem(key) ?? '[]');
    return Array.isArray(value) ? value.filter(isTurn) : [];
  } catch {
    return [];
  }
}

/** Keeps it for this tab. One that is too long loses its oldest turns there. */
export function keepConversation(storage: Storage, turns: readonly Turn[]): void {
  let first = 0;
  let characters = turns.reduce((sum, { content }) => sum + content.length, 0);
  while (characters > mostCharacters && first < turns.length) characters -= turns[first++]?.content.length ?? 0;
  storage.setItem(key, JSON.stringify(turns.slice(first)));
}

function isTurn(value: unknown): value is Turn {
  const turn = value as Partial<Turn> | null;
  return (turn?.role === 'user' || turn?.role === 'assistant') && typeof turn.content === 'string';
}
