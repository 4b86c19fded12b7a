import { setMaxListeners } from 'node:events';
import { CutpointError } from '@cutpoint/core';

/** A signal that aborts when the person presses Ctrl-C or the process is told to end. */
export interface Interrupt extends Disposable {
  readonly signal: AbortSignal;
}

/**
 * Turns SIGINT and SIGTERM into an abort (CUT_CANCELLED) until disposed, so that a verb can close what it opened.
 * A second signal ends the process at once.
 * @example using interrupt = onInterrupt(); await work({ signal: interrupt.signal });
 */
export function onInterrupt(): Interrupt {
  const controller = new AbortController();
  // Each request under way listens to it; how many those may be is bounded elsewhere.
  setMaxListeners(0, controller.signal);
  const stop = () => controller.abort(new CutpointError('CUT_CANCELLED', 'Interrupted.'));
  process.once('SIGINT', stop).once('SIGTERM', stop);
  return {
    signal: controller.signal,
    [Symbol.dispose]: () => process.off('SIGINT', stop).off('SIGTERM', stop),
  };
}
