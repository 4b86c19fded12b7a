import { CutpointError, messageOf } from '@cutpoint/core';
import { Tokenizer as LibraryTokenizer } from '@huggingface/tokenizers';
import { z } from 'zod';
import { type TokenBytes, tokenBytesOf } from './token-bytes.js';
import type { InTime, Within } from './within.js';

export interface Tokenizer {
  /** One more than the highest id. */
  readonly size: number;
  /** Characters that the longest token stands for at most. */
  readonly longestToken: number;
  /** Those that mean something to the model alone (`<s>`), as the vocabulary writes them. */
  readonly specialTokens: readonly string[];
  /** The id of a token as the vocabulary writes it; undefined if there is none. */
  idOf(token: string): number | undefined;
  /**
   * The ids of a text. Tokens such as `<|eot_id|>` that are written out in it become themselves. `special` (default true) puts
   * what the model expects around a text (`<s>`); what a chat template wrote has it already.
   * As with the library, characters are left out where the vocabulary has neither them nor bytes nor a token for the unknown.
   * @throws CutpointError CUT_INPUT for a text that is too long, or where the token for the unknown has no id; CUT_TOKENIZER
   * where the tokenizer's rules fail, or take far longer than rules do.
   */
  encode(text: string, options?: { readonly special?: boolean }): number[];
  /** The text of all these ids at once, as a stream would give it. */
  decode(ids: readonly number[], options?: TextOptions): string;
  /** Turns ids into text one by one. */
  stream(options?: TextOptions): TextStream;
}

export interface TextOptions {
  /** Show special tokens (`</s>`), too. Default: false. */
  readonly special?: boolean;
  /** The text goes on behind another one: a blank at its start belongs to it. Default: false. */
  readonly continues?: boolean;
}

export interface TextStream {
  /**
   * The text that is complete with this token: characters of several bytes may come in several tokens, and appear with the
   * last of them. Bytes that are no UTF-8 appear as U+FFFD. An id without a token has no text.
   */
  push(id: number): string;
  /** There are no more tokens: what is left of an incomplete character, as U+FFFD. */
  end(): string;
}

/** No known vocabulary has more than 300,000 tokens. */
const mostTokens = 2 ** 22;
/** About a million tokens; more is refused before any work. */
const mostCharacters = 2 ** 22;

/** What a text may take, in ms: ten times what a slow device needs, which is 0.1 ms for a character. */
const [shortestMs, characterMs] = [2_000, 1];

const id = z.number().int().min(0).lt(mostTokens);
const tokenizerSchema = z.looseObject({
  model: z.looseObject({
    type: z.enum(['BPE', 'Unigram', 'WordPiece']).default('BPE'),
    vocab: z.union([z.record(z.string(), id), z.array(z.tuple([z.string(), z.number()])).max(mostTokens)]),
  }),
  added_tokens: z.array(z.looseObject({ id, content: z.string().min(1), special: z.boolean() })).max(mostTokens),
  decoder: z.unknown(),
});
type TokenizerData = z.infer<typeof tokenizerSchema>;

/**
 * A tokenizer of the two files that Hugging Face keeps beside a model. Ids are those of `@huggingface/tokenizers`; texts are
 * put together of bytes here, so that they can be shown while they come, and blanks before full stops are never "cleaned up".
 * @param tokenizer The parsed tokenizer.json. @param config The parsed tokenizer_config.json, or an empty object.
 * @param vocabularySize Of the model; ids must be below it. @param within ends rules that take far too long.
 * @throws CutpointError CUT_TOKENIZER for files that are wrong or not supported, or do not fit the vocabulary.
 */
export function tokenizerOf(tokenizer: unknown, config: unknown, vocabularySize: number, within: Within): Tokenizer {
  const data = checked(tokenizer);
  const tokens = tokensById(data);
  if (tokens.length > vocabularySize) {
    const what = `The tokenizer has ids up to ${tokens.length - 1}, but the model's vocabulary only ${vocabularySize} tokens`;
    throw new CutpointError('CUT_TOKENIZER', `${what}: they are not of the same model.`);
  }
  const library = libraryTokenizer(tokenizer, config);
  const added = new Map(data.added_tokens.map((token) => [token.id, token]));
  const tokenBytes = tokenBytesOf(data.decoder);
  const stream = (options: TextOptions = {}) =>
    createTextStream(tokenBytes, options.continues === true, (token) => {
      const text = tokens[token];
      const skipped = added.get(token)?.special === true && options.special !== true;
      return text === undefined || skipped ? undefined : tokenBytes.bytesOf(text, added.has(token));
    });
  return {
    size: tokens.length,
    longestToken: tokens.reduce((most, token) => Math.max(most, token?.length ?? 0), 1),
    specialTokens: data.added_tokens.filter(({ special }) => special).map(({ content }) => content),
    idOf: (token) => library.token_to_id(token),
    encode: (text, options = {}) => encoded(library, text, options.special ?? true, within),
    stream,
    decode(ids, options) {
      const texts = stream(options);
      return ids.map((token) => texts.push(token)).join('') + texts.end();
    },
  };
}

function checked(tokenizer: unknown): TokenizerData {
  const result = tokenizerSchema.safeParse(tokenizer);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  const what = `tokenizer.json is wrong at ${issue?.path.join('.') || 'its start'}: ${issue?.message ?? 'not valid'}`;
  throw new CutpointError('CUT_TOKENIZER', `${what}.`, { cause: result.error });
}

/** Tokens as the vocabulary writes them; no token where an id is left out. */
function tokensById({ model, added_tokens }: TokenizerData): (string | undefined)[] {
  const tokens: (string | undefined)[] = [];
  if (Array.isArray(model.vocab)) for (const [token] of model.vocab) tokens.push(token);
  else for (const [token, at] of Object.entries(model.vocab)) tokens[at] = token;
  for (const token of added_tokens) tokens[token.id] = token.content;
  return tokens;
}

function libraryTokenizer(tokenizer: unknown, config: unknown): LibraryTokenizer {
  try {
    return new LibraryTokenizer(tokenizer as object, config as object);
  } catch (thrown) {
    throw new CutpointError('CUT_TOKENIZER', `The tokenizer is not supported: ${messageOf(thrown)}.`, {
      cause: thrown,
    });
  }
}

function encoded(library: LibraryTokenizer, text: string, special: boolean, within: Within): number[] {
  if (text.length > mostCharacters) {
    const what = `A text of ${text.length} characters is too long; at most ${mostCharacters} are allowed.`;
    throw new CutpointError('CUT_INPUT', what);
  }
  const { ids, tokens } = guarded(text, within, () => library.encode(text, { add_special_tokens: special }));
  return ids.map((found, i) => {
    if (found !== undefined) return found;
    throw new CutpointError(
      'CUT_INPUT',
      `The text needs the token "${tokens[i]}", which the vocabulary does not have.`,
    );
  });
}

interface Encoded {
  readonly ids: readonly (number | undefined)[];
  readonly tokens: readonly string[];
}

/** A tokenizer is a stranger's: a regular expression in it may take for ever, and its rules may not be what they should. */
function guarded(text: string, within: Within, encode: () => Encoded): Encoded {
  const mostMs = shortestMs + text.length * characterMs;
  let done: InTime<Encoded>;
  try {
    done = within(mostMs, encode);
  } catch (thrown) {
    throw new CutpointError('CUT_TOKENIZER', `The tokenizer cannot encode a text: ${messageOf(thrown)}.`, {
      cause: thrown,
    });
  }
  if (done.inTime) return done.value;
  const what = `The tokenizer took more than ${mostMs} ms for a text of ${text.length} characters`;
  throw new CutpointError('CUT_TOKENIZER', `${what}: one of its rules takes too long, so import another checkpoint.`);
}

function createTextStream(
  { blanksAtStart }: TokenBytes,
  continues: boolean,
  bytesOf: (id: number) => Uint8Array | undefined,
): TextStream {
  const utf8 = new TextDecoder('utf-8', { ignoreBOM: true });
  let blanks = continues ? 0 : blanksAtStart;
  const shown = (text: string) => {
    if (blanks === 0 || text === '') return text;
    let cut = 0;
    while (cut < blanks && text[cut] === ' ') cut++;
    blanks = cut < text.length ? 0 : blanks - cut;
    return text.slice(cut);
  };
  return {
    push(token) {
      const bytes = bytesOf(token);
      return bytes === undefined ? '' : shown(utf8.decode(bytes, { stream: true }));
    },
    end: () => shown(utf8.decode()),
  };
}
