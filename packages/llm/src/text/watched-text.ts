import { type ChatTemplate, type TemplateLimits, templateOf } from './chat-template.js';
import { type Tokenizer, tokenizerOf } from './tokenizer.js';
import { withinTime } from './within-time.js';

/** As `tokenizerOf`, with Node's watchdog. @throws CutpointError CUT_TOKENIZER */
export function createTokenizer(tokenizer: unknown, config: unknown, vocabularySize: number): Tokenizer {
  return tokenizerOf(tokenizer, config, vocabularySize, withinTime);
}

/** As `templateOf`, with Node's watchdog. @throws CutpointError CUT_CHAT_TEMPLATE, CUT_TOKENIZER. */
export function chatTemplateOf(
  config: unknown,
  file: string | undefined,
  limits: Partial<TemplateLimits> = {},
): ChatTemplate | undefined {
  return templateOf(config, file, withinTime, limits);
}
