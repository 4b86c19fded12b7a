import '../../ui/dispose.js';
import '../../ui/no-eval.js';
import { asCutpointError, CutpointError, type ErrorCode } from '@cutpoint/core';
import { answer } from './answer.js';
import type { FromChatWorker, ToChatWorker } from './messages.js';
import { type ChatModel, openChat } from './open-chat.js';

/** As much of a worker's global scope as is used. */
interface WorkerScope {
  onmessage: ((event: MessageEvent<ToChatWorker>) => void) | null;
  postMessage(message: FromChatWorker): void;
}

const scope = globalThis as unknown as WorkerScope;
const never = new AbortController().signal;
const underWay = new Map<number, AbortController>();
let opening: Promise<ChatModel> | undefined;

scope.onmessage = ({ data }) => {
  if (data.kind === 'open') void open(data.open);
  else if (data.kind === 'ask') void ask(data);
  else underWay.get(data.id)?.abort(new CutpointError('CUT_CANCELLED', 'It was stopped.'));
};

async function open(request: Extract<ToChatWorker, { kind: 'open' }>['open']): Promise<void> {
  try {
    const onProgress = (bytes: number, of: number) => scope.postMessage({ kind: 'progress', bytes, of });
    opening = openChat(request, onProgress, never);
    const { model: _, [Symbol.asyncDispose]: __, ...opened } = await opening;
    scope.postMessage({ kind: 'opened', opened });
  } catch (thrown) {
    scope.postMessage({ kind: 'refused', ...whyOf(thrown) });
  }
}

async function ask({ id, messages, sampling }: Extract<ToChatWorker, { kind: 'ask' }>): Promise<void> {
  const stop = new AbortController();
  underWay.set(id, stop);
  try {
    const chat = await opening;
    if (chat === undefined) throw new CutpointError('CUT_INTERNAL', 'A question came before the model was opened.');
    const parts = answer(chat, { messages, sampling, signal: stop.signal });
    for await (const part of parts) scope.postMessage({ ...part, id });
  } catch (thrown) {
    if (stop.signal.aborted) scope.postMessage({ kind: 'ended', id, reason: 'stopped' });
    else scope.postMessage({ kind: 'failed', id, ...whyOf(thrown) });
  } finally {
    underWay.delete(id);
  }
}

function whyOf(thrown: unknown): { readonly code: ErrorCode; readonly message: string } {
  const { code, message } = asCutpointError(thrown, 'CUT_INTERNAL');
  return { code, message };
}
