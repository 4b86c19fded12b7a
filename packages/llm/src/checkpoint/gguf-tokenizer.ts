import { CutpointError } from '@cutpoint/core';
import type { NamedFile } from '../package/write-package.js';
import { byteLevelParts, requireKnownSplit } from './byte-level-tokenizer.js';
import type { GgufMetadata } from './gguf-metadata.js';
import { type GgufVocabulary, tokenType } from './gguf-vocabulary.js';
import { sentencePieceParts } from './sentencepiece-tokenizer.js';

/**
 * `tokenizer.json` and `tokenizer_config.json`, as the tokenizers library reads them, from what a GGUF file states of its
 * tokenizer: byte-level BPE ("gpt2") or SentencePiece's BPE ("llama").
 * @throws CutpointError CUT_TOKENIZER, CUT_CHECKPOINT
 */
export function ggufTokenizer(metadata: GgufMetadata): readonly NamedFile[] {
  const model = metadata.text('tokenizer.ggml.model');
  if (model !== 'gpt2' && model !== 'llama') {
    const message = `The tokenizer of ${metadata.source} is ${model === undefined ? 'missing' : `"${model}", which is not supported; "gpt2" and "llama" are`}.`;
    throw new CutpointError('CUT_TOKENIZER', message);
  }
  const vocabulary = vocabularyOf(metadata);
  const { tokens } = vocabulary;
  const special = (name: string) => {
    const id = metadata.number(`tokenizer.ggml.${name}_token_id`);
    return id === undefined ? undefined : tokens[id];
  };
  const [bos, eos, unk] = [special('bos'), special('eos'), special('unknown')];
  const { parts, beginsByDefault } =
    model === 'gpt2' ? byteLevel(metadata, vocabulary) : sentencePiece(metadata, vocabulary, unk);
  const addBos = metadata.flag('tokenizer.ggml.add_bos_token') ?? beginsByDefault;
  const addEos = metadata.flag('tokenizer.ggml.add_eos_token') ?? false;
  const tokenizer = {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: addedTokens(vocabulary),
    ...parts,
    post_processor: template(tokens, addBos ? bos : undefined, addEos ? eos : undefined),
  };
  const config = {
    tokenizer_class: 'PreTrainedTokenizerFast',
    ...(bos !== undefined && { bos_token: bos }),
    ...(eos !== undefined && { eos_token: eos }),
    ...(unk !== undefined && { unk_token: unk }),
    add_bos_token: addBos && bos !== undefined,
    add_eos_token: addEos && eos !== undefined,
    clean_up_tokenization_spaces: false,
    ...chatTemplate(metadata),
  };
  return [jsonFile('tokenizer.json', tokenizer), jsonFile('tokenizer_config.json', config)];
}

function vocabularyOf(metadata: GgufMetadata): GgufVocabulary {
  const tokens = metadata.need('tokenizer.ggml.tokens', metadata.texts('tokenizer.ggml.tokens'));
  const types = metadata.numbers('tokenizer.ggml.token_type') ?? tokens.map(() => tokenType.normal);
  if (types.length === tokens.length) return { tokens, types };
  const message = `${metadata.source} has ${tokens.length} tokens, but types of ${types.length}: make or download the file again.`;
  throw new CutpointError('CUT_TOKENIZER', message);
}

function byteLevel(metadata: GgufMetadata, vocabulary: GgufVocabulary) {
  const split = requireKnownSplit(metadata.text('tokenizer.ggml.pre'), metadata.source);
  const merges = metadata.need('tokenizer.ggml.merges', metadata.texts('tokenizer.ggml.merges'));
  return { parts: byteLevelParts(vocabulary, merges, split), beginsByDefault: split.beginsByDefault };
}

function sentencePiece(metadata: GgufMetadata, vocabulary: GgufVocabulary, unk: string | undefined) {
  const scores = metadata.need('tokenizer.ggml.scores', metadata.numbers('tokenizer.ggml.scores'));
  const spaceBefore = metadata.flag('tokenizer.ggml.add_space_prefix') ?? true;
  return { parts: sentencePieceParts(vocabulary, scores, unk ?? '<unk>', spaceBefore), beginsByDefault: true };
}

/** Tokens that are found in a text before anything else is done to it. */
function addedTokens({ tokens, types }: GgufVocabulary): readonly object[] {
  return tokens.flatMap((content, id) => {
    const type = types[id];
    if (type !== tokenType.control && type !== tokenType.user && type !== tokenType.unknown) return [];
    const special = type !== tokenType.user;
    return [{ id, content, single_word: false, lstrip: false, rstrip: false, normalized: false, special }];
  });
}

function template(tokens: readonly string[], bos: string | undefined, eos: string | undefined): object | null {
  if (bos === undefined && eos === undefined) return null;
  const part = (token: string | undefined, type_id: number) =>
    token === undefined ? [] : [{ SpecialToken: { id: token, type_id } }];
  const single = [...part(bos, 0), { Sequence: { id: 'A', type_id: 0 } }, ...part(eos, 0)];
  const pair = [...single, ...part(bos, 1), { Sequence: { id: 'B', type_id: 1 } }, ...part(eos, 1)];
  const used = [bos, eos].filter((token) => token !== undefined);
  const special = used.map((token) => [token, { id: token, ids: [tokens.indexOf(token)], tokens: [token] }]);
  return { type: 'TemplateProcessing', single, pair, special_tokens: Object.fromEntries(special) };
}

function chatTemplate(metadata: GgufMetadata): object {
  const text = metadata.text('tokenizer.chat_template');
  return text === undefined ? {} : { chat_template: text };
}

function jsonFile(path: string, value: object): NamedFile {
  return { path, content: new TextEncoder().encode(JSON.stringify(value)) };
}
