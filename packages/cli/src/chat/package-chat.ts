import { randomInt } from 'node:crypto';
import { samplingOf, TextModel } from '@cutpoint/llm';
import { type ModelRequest, openModel } from '../llm/open-model.js';
import type { AnswerPart, ChatModel } from './chat-model.js';

/**
 * Opens a package for a chat in this process.
 * @throws CutpointError as `openModel`; CUT_CHAT_TEMPLATE for a model that knows no conversations.
 */
export async function openPackageChat(request: ModelRequest, signal: AbortSignal): Promise<ChatModel> {
  const opened = await openModel(request, signal);
  const { name } = opened.manifest;
  const model = new TextModel({ ...opened, name }, { maxRunning: 1 });
  try {
    // Whether it can is found out before anybody has written a word.
    model.encodeChat([{ role: 'user', content: 'Hello' }]);
  } catch (thrown) {
    await opened[Symbol.asyncDispose]();
    throw thrown;
  }
  return {
    name,
    async *answer(
      messages,
      { maxTokens, seed = randomInt(2 ** 47), ...options },
      cancelled,
    ): AsyncGenerator<AnswerPart> {
      const prompt = model.encodeChat(messages);
      const sampling = samplingOf({ ...options, seed });
      const asked = { prompt, maxTokens, sampling, stop: [], continues: false, signal: cancelled };
      for await (const part of model.complete(asked)) {
        if ('usage' in part) yield { text: part.text, usage: part.usage };
        else yield { text: part.text, pass: { tokens: part.tokens, cost: part.cost } };
      }
    },
    [Symbol.asyncDispose]: () => opened[Symbol.asyncDispose](),
  };
}
