import { CutpointError, messageOf } from '@cutpoint/core';
import { Template } from '@huggingface/jinja';
import { z } from 'zod';
import type { Within } from './within.js';

/** A message as templates expect it; models with tools know further keys. */
export interface ChatMessage {
  readonly role: string;
  readonly content: string;
  readonly [key: string]: unknown;
}

export interface ChatTemplate {
  /**
   * The prompt of a conversation. It holds the model's special tokens as text: encode it with `special: false`.
   * @throws CutpointError CUT_CHAT_TEMPLATE where the template refuses the conversation, takes too long or writes too much.
   */
  render(messages: readonly ChatMessage[], options?: RenderOptions): string;
}

export interface RenderOptions {
  /** End with what opens the model's answer. Default: true. */
  readonly addGenerationPrompt?: boolean;
  /** Further variables of the template: `tools`, `enable_thinking`, ... as JSON. */
  readonly variables?: Readonly<Record<string, unknown>>;
}

export interface TemplateLimits {
  readonly mostCharacters: number;
  readonly mostMs: number;
  readonly mostOutputCharacters: number;
}

/** The longest known templates have 20,000 characters and take milliseconds. */
const defaultLimits: TemplateLimits = { mostCharacters: 2 ** 18, mostMs: 1_000, mostOutputCharacters: 2 ** 22 };

const specialToken = z.union([z.string(), z.looseObject({ content: z.string() })]).nullish();
const configSchema = z.looseObject({
  bos_token: specialToken,
  eos_token: specialToken,
  chat_template: z
    .union([z.string(), z.array(z.looseObject({ name: z.string(), template: z.string() })).max(100)])
    .nullish(),
});

/**
 * The chat template of a model, or undefined if it has none.
 * @param config The parsed tokenizer_config.json; of several templates in it "default" is taken.
 * @param file The text of chat_template.jinja, which counts more. @param within ends a template that takes too long.
 * @throws CutpointError CUT_CHAT_TEMPLATE for a template that is too long or no Jinja; CUT_TOKENIZER for a wrong `config`.
 */
export function templateOf(
  config: unknown,
  file: string | undefined,
  within: Within,
  limits: Partial<TemplateLimits> = {},
): ChatTemplate | undefined {
  const result = configSchema.safeParse(config);
  if (!result.success) {
    const place = result.error.issues[0]?.path.join('.') || 'its start';
    throw new CutpointError('CUT_TOKENIZER', `tokenizer_config.json is wrong at ${place}.`, { cause: result.error });
  }
  const { chat_template: stated, bos_token: begin, eos_token: end } = result.data;
  const named = Array.isArray(stated) ? stated.find(({ name }) => name === 'default')?.template : stated;
  const source = file ?? named ?? undefined;
  if (source === undefined) return undefined;
  const tokens = { bos_token: textOf(begin), eos_token: textOf(end) };
  return createTemplate(source, tokens, within, { ...defaultLimits, ...limits });
}

function textOf(token: z.infer<typeof specialToken>): string {
  return typeof token === 'string' ? token : (token?.content ?? '');
}

function createTemplate(
  source: string,
  tokens: Record<string, string>,
  within: Within,
  limits: TemplateLimits,
): ChatTemplate {
  const { mostCharacters, mostMs, mostOutputCharacters } = limits;
  if (source.length > mostCharacters) {
    throw fail(`The chat template has ${source.length} characters; at most ${mostCharacters} are read`);
  }
  const guarded = <T>(what: string, work: () => T): T => {
    try {
      const done = within(mostMs, work);
      if (done.inTime) return done.value;
    } catch (thrown) {
      throw fail(`The chat template ${what}: ${messageOf(thrown)}`, thrown);
    }
    throw fail(`The chat template ${what}: it took more than ${mostMs} ms`);
  };
  const template = guarded('cannot be read', () => new Template(source));
  return {
    render(messages, { addGenerationPrompt = true, variables = {} } = {}) {
      const values = { ...tokens, ...variables, messages, add_generation_prompt: addGenerationPrompt };
      const prompt = guarded('cannot write this conversation', () => template.render(values));
      if (prompt.length <= mostOutputCharacters) return prompt;
      throw fail(`The chat template wrote ${prompt.length} characters; at most ${mostOutputCharacters} are allowed`);
    },
  };
}

function fail(sentence: string, cause?: unknown): CutpointError {
  return new CutpointError('CUT_CHAT_TEMPLATE', `${sentence.replace(/[.\s]+$/, '')}.`, { cause });
}
