import { type LanguageModel, openLanguageModel } from '../decode/language-model.js';
import { randomFloats, temporaryPackage } from '../decode/random-package.testing.js';
import { smallConfig } from '../package/small-decoder.testing.js';
import { byteLevel } from '../text/byte-tokenizer.testing.js';

export const chatTemplate =
  '{% for m in messages %}<{{ m.role }}>{{ m.content }}\n{% endfor %}{% if add_generation_prompt %}<assistant>{% endif %}';

/** Random weights, the bytes as tokens. It never ends a text by itself. */
export const smallTextContent = (config: object = { chat_template: chatTemplate }, contextTokens = 512) => ({
  ...randomFloats({ ...smallConfig, vocabularySize: 260, contextTokens, endTokens: [259] }, 3),
  tokenizer: [
    { path: 'tokenizer.json', content: new TextEncoder().encode(JSON.stringify(byteLevel)) },
    { path: 'tokenizer_config.json', content: new TextEncoder().encode(JSON.stringify(config)) },
  ],
});

/** It is open, and in a folder that is removed with it. */
export async function openSmallModel(
  config?: object,
  contextTokens?: number,
): Promise<LanguageModel & { readonly folder: string }> {
  const made = await temporaryPackage(smallTextContent(config, contextTokens));
  const model = await openLanguageModel(made.folder);
  return {
    ...model,
    folder: made.folder,
    async [Symbol.asyncDispose]() {
      await model[Symbol.asyncDispose]();
      await made[Symbol.asyncDispose]();
    },
  };
}
