import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { asCutpointError } from '@cutpoint/core';
import type { ChatMessage, Usage } from '@cutpoint/llm';
import type { AnswerOptions, ChatModel } from './chat-model.js';
import { passText, usageText } from './cost-text.js';

export interface ChatSessionOptions {
  readonly model: ChatModel;
  readonly system: string | undefined;
  readonly answers: AnswerOptions;
  readonly input: Readable;
  /** Whether a person sits at it: lines are edited and asked for. */
  readonly terminal: boolean;
  /** What each answer took, or also each pass. */
  readonly tell: 'nothing' | 'answers' | 'passes';
  /** Shows text of answers. */
  write(text: string): Promise<void>;
  /** Shows all else. */
  note(text: string): void;
}

export interface Turn {
  readonly question: string;
  readonly answer: string;
  /** Null for an answer that was interrupted or failed. */
  readonly usage: Usage | null;
}

/**
 * Asks for lines and answers each until they end, `/exit`, or an interrupt while nothing is being answered; an interrupt
 * during an answer ends that one alone. `/reset` forgets what was said.
 * @returns all turns since the last `/reset`.
 */
export async function chat(options: ChatSessionOptions): Promise<readonly Turn[]> {
  const { input, terminal, note } = options;
  const lines = createInterface({ input, terminal, ...(terminal ? { output: process.stderr } : {}), prompt: '> ' });
  const conversation = new Conversation(options);
  // The terminal tells Ctrl-C to readline while that reads keys, and to the process otherwise.
  const interrupt = () => {
    if (!conversation.interrupt()) lines.close();
  };
  lines.on('SIGINT', interrupt);
  process.on('SIGINT', interrupt);
  const ask = () => (terminal ? lines.prompt() : undefined);
  try {
    ask();
    for await (const line of lines) {
      const text = line.trim();
      if (text === '/exit') break;
      if (text === '/reset') {
        conversation.reset();
        note('[forgotten]\n');
      } else if (text !== '') await conversation.answer(text);
      ask();
    }
  } finally {
    process.off('SIGINT', interrupt);
    lines.close();
  }
  return conversation.turns;
}

class Conversation {
  readonly #options: ChatSessionOptions;
  #messages: ChatMessage[] = [];
  #turns: Turn[] = [];
  #answering: AbortController | undefined;

  constructor(options: ChatSessionOptions) {
    this.#options = options;
    this.reset();
  }

  get turns(): readonly Turn[] {
    return this.#turns;
  }

  reset(): void {
    const { system } = this.#options;
    this.#turns = [];
    this.#messages = system === undefined ? [] : [{ role: 'system', content: system }];
  }

  /** Ends the answer that is being given. @returns false if there is none. */
  interrupt(): boolean {
    if (this.#answering === undefined || this.#answering.signal.aborted) return false;
    this.#answering.abort();
    return true;
  }

  async answer(question: string): Promise<void> {
    const { write, note } = this.#options;
    this.#messages.push({ role: 'user', content: question });
    this.#answering = new AbortController();
    const { signal } = this.#answering;
    const said = new Said();
    try {
      await this.#give(said, signal);
    } catch (thrown) {
      const { code, message } = asCutpointError(thrown, 'CUT_INTERNAL');
      await write('\n');
      note(signal.aborted ? '[interrupted]\n' : `error ${code}: ${message}\n`);
    } finally {
      this.#answering = undefined;
    }
    const { text: answer, usage } = said;
    this.#turns.push({ question, answer, usage });
    // What was said so far belongs to the conversation; what was never answered does not.
    if (answer === '') this.#messages.pop();
    else this.#messages.push({ role: 'assistant', content: answer });
  }

  async #give(said: Said, signal: AbortSignal): Promise<void> {
    const { model, answers, tell, write, note } = this.#options;
    const startMs = performance.now();
    for await (const { text, pass, usage } of model.answer(this.#messages, answers, signal)) {
      said.text += text;
      if (text !== '') await write(text);
      if (tell === 'passes' && pass !== undefined) note(passText(pass.tokens, pass.cost));
      if (usage !== undefined) said.usage = usage;
    }
    await write('\n');
    if (tell !== 'nothing' && said.usage !== null) note(usageText(said.usage, performance.now() - startMs));
  }
}

/** What has come of an answer. */
class Said {
  text = '';
  usage: Usage | null = null;
}
