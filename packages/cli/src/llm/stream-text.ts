import {
  createStopFilter,
  generate,
  type NextTokens,
  type Sampling,
  type TokenDecoder,
  type Tokenizer,
} from '@cutpoint/llm';
import { type Figures, Pace } from './generation.js';

export interface TextRequest {
  readonly prompt: string;
  readonly maxTokens: number;
  readonly sampling: Sampling;
  /** Texts before which it ends. */
  readonly stop: readonly string[];
  readonly draftTokens: number;
  readonly signal: AbortSignal;
  /** Shows a piece of the text. */
  readonly show: (piece: string) => Promise<void> | undefined;
  /** Called behind each pass. */
  readonly onPass?: (next: NextTokens) => void;
}

export interface StreamedText extends Figures {
  readonly text: string;
  readonly tokens: readonly number[];
  readonly promptTokens: readonly number[];
}

/** Continues a prompt, shows the text as it comes, and says how fast that went. @throws CutpointError as `generate` */
export async function streamText(
  { decoder, tokenizer }: { readonly decoder: TokenDecoder; readonly tokenizer: Tokenizer },
  { prompt, maxTokens, sampling, stop, draftTokens, signal, show, onPass }: TextRequest,
): Promise<StreamedText> {
  const filter = createStopFilter(stop);
  const promptTokens = tokenizer.encode(prompt);
  const pace = new Pace(promptTokens.length);
  const texts = tokenizer.stream({ continues: true });
  const tokens: number[] = [];
  let text = '';
  const take = async (piece: string) => {
    text += piece;
    if (piece !== '') await show(piece);
  };
  for await (const next of generate(decoder, { prompt: promptTokens, maxTokens, sampling, draftTokens, signal })) {
    pace.pass(next.cost);
    onPass?.(next);
    for (const token of next.tokens) {
      if (filter.stoppedBy !== undefined) break;
      pace.token();
      tokens.push(token);
      await take(filter.push(texts.push(token)));
    }
    if (filter.stoppedBy !== undefined) break;
  }
  await take(filter.push(texts.end()) + filter.end());
  return { text, tokens, promptTokens, ...pace.figures() };
}
