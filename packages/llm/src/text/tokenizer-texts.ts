import { CutpointError } from '@cutpoint/core';

/** What the files beside a model say about its text, parsed but not checked. */
export interface TokenizerFiles {
  /** `tokenizer.json` */
  readonly tokenizer: unknown;
  /** `tokenizer_config.json`; an empty object without it. */
  readonly config: unknown;
  /** `chat_template.jinja`, which counts more than a template in `tokenizer_config.json`. */
  readonly template: string | undefined;
}

/** Gemma 3's tokenizer.json, the largest known, has 33 MB. */
const mostTokenizerBytes = 128 * 2 ** 20;
const mostConfigBytes = 16 * 2 ** 20;
const mostTemplateBytes = 2 ** 20;

/** The text of a file of a tokenizer; undefined if there is no such file. @throws CutpointError if it is longer than that. */
export type ReadText = (name: string, mostBytes: number) => Promise<string | undefined>;

/**
 * What the files of a tokenizer say.
 * @param where they are looked for, for messages.
 * @throws CutpointError CUT_TOKENIZER for a missing tokenizer.json or a file that is no JSON, and as `read` does.
 */
export async function tokenizerTexts(read: ReadText, where: string): Promise<TokenizerFiles> {
  const tokenizer = await read('tokenizer.json', mostTokenizerBytes);
  if (tokenizer === undefined) {
    throw new CutpointError('CUT_TOKENIZER', `There is no tokenizer.json in ${where}: texts cannot become tokens.`);
  }
  const config = await read('tokenizer_config.json', mostConfigBytes);
  return {
    tokenizer: parsed(tokenizer, 'tokenizer.json'),
    config: config === undefined ? {} : parsed(config, 'tokenizer_config.json'),
    template: await read('chat_template.jinja', mostTemplateBytes),
  };
}

function parsed(text: string, name: string): unknown {
  try {
    return JSON.parse(text);
  } catch (thrown) {
    throw new CutpointError('CUT_TOKENIZER', `${name} is no JSON; copy it again from where the model is from.`, {
      cause: thrown,
    });
  }
}
