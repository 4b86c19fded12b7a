import type { ChatMessage, Sampling } from '@cutpoint/llm/browser';
import type { AnswerFigures, FromChatWorker } from './messages.js';
import type { ChatModel } from './open-chat.js';

export interface Question {
  readonly messages: readonly ChatMessage[];
  readonly sampling: Sampling;
  readonly signal: AbortSignal;
}

/** What is told of an answer, but of which it is. */
type AnswerPart<Kind extends FromChatWorker['kind']> = Omit<Extract<FromChatWorker, { kind: Kind }>, 'id'>;

/** The parts of an answer as they come, and how it ended. @throws CutpointError as `TextModel.complete`. */
export async function* answer(
  { model, talks }: ChatModel,
  { messages, sampling, signal }: Question,
): AsyncGenerator<AnswerPart<'part'> | AnswerPart<'ended'>> {
  const prompt = talks ? model.encodeChat(messages) : model.encode(messages.map(({ content }) => content).join(''));
  const counted = new Figures();
  const parts = model.complete({ prompt, sampling, stop: [], continues: !talks, signal });
  for await (const part of parts) {
    if ('cost' in part) counted.add(part.tokens, part.cost.upBytes, part.cost.downBytes);
    yield { kind: 'part', text: part.text, figures: counted.figures };
    if ('reason' in part) yield { kind: 'ended', reason: part.reason };
  }
}

/** Counts passes. The first is of the prompt, which costs as much as it is long: it says nothing of a token. */
class Figures {
  #tokens = 0;
  #later = { tokens: 0, upBytes: 0, downBytes: 0 };
  #firstAtMs: number | undefined;

  add(tokens: number, upBytes: number, downBytes: number): void {
    this.#tokens += tokens;
    if (this.#firstAtMs === undefined) {
      this.#firstAtMs = performance.now();
      return;
    }
    const later = this.#later;
    this.#later = {
      tokens: later.tokens + tokens,
      upBytes: later.upBytes + upBytes,
      downBytes: later.downBytes + downBytes,
    };
  }

  get figures(): AnswerFigures {
    const { tokens, upBytes, downBytes } = this.#later;
    const seconds = (performance.now() - (this.#firstAtMs ?? 0)) / 1000;
    const each = Math.max(1, tokens);
    return {
      tokens: this.#tokens,
      tokensPerSecond: tokens === 0 ? undefined : tokens / seconds,
      upBytesPerToken: upBytes / each,
      downBytesPerToken: downBytes / each,
    };
  }
}
