import type { ErrorCode } from '@cutpoint/core';
import type { ChatMessage, ChatOffer, Sampling } from '@cutpoint/llm/browser';

/** On what the layers before the cut run. */
export type FrontProvider = 'webgpu' | 'wasm';

/** What the person chose. */
export interface ChatChoice {
  readonly at: number;
  readonly codec: string;
  /** The server gets neither the words nor the answer, only hidden states. */
  readonly private: boolean;
  /** `auto`: WebGPU where it is there, else WebAssembly. */
  readonly provider: FrontProvider | 'auto';
}

export interface OpenChat {
  readonly offer: ChatOffer;
  readonly choice: ChatChoice;
  /** Of the page, with a slash at its end. */
  readonly pageUrl: string;
  readonly wireUrl: string;
  readonly token: string | undefined;
}

/** Tokens of an answer, what they cost, and how long they took. */
export interface AnswerFigures {
  readonly tokens: number;
  /** From the second token on, as the first waits for the whole prompt. */
  readonly tokensPerSecond: number | undefined;
  readonly upBytesPerToken: number;
  readonly downBytesPerToken: number;
}

export type ToChatWorker =
  | { readonly kind: 'open'; readonly open: OpenChat }
  /** `messages` ends with what was asked; for a model without conversations its content is continued. */
  | {
      readonly kind: 'ask';
      readonly id: number;
      readonly messages: readonly ChatMessage[];
      readonly sampling: Sampling;
    }
  | { readonly kind: 'stop'; readonly id: number };

export interface OpenedChat {
  readonly name: string;
  readonly layers: number;
  readonly provider: FrontProvider;
  /** Of WebAssembly. */
  readonly threads: number;
  /** Why it is not the provider that was asked for, or what cannot be kept. */
  readonly notices: readonly string[];
  /** Whether it knows conversations; otherwise it continues texts. */
  readonly talks: boolean;
}

export type FromChatWorker =
  | { readonly kind: 'progress'; readonly bytes: number; readonly of: number }
  | { readonly kind: 'opened'; readonly opened: OpenedChat }
  | { readonly kind: 'refused'; readonly code: ErrorCode; readonly message: string }
  | { readonly kind: 'part'; readonly id: number; readonly text: string; readonly figures: AnswerFigures }
  | { readonly kind: 'ended'; readonly id: number; readonly reason: 'stop' | 'length' | 'stopped' }
  | { readonly kind: 'failed'; readonly id: number; readonly code: ErrorCode; readonly message: string };
