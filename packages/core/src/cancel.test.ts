import { describe, expect, it } from 'vitest';
import { CancelSource, cancelReason, onCancel, throwIfCancelled } from './cancel.js';
import { CutpointError } from './errors.js';

describe('cancelReason', () => {
  it('tells a deadline from a cancellation, and keeps a reason of our own', async () => {
    const timeout = AbortSignal.timeout(1);
    await new Promise((resolve) => timeout.addEventListener('abort', resolve));
    expect(cancelReason(timeout).code).toBe('CUT_DEADLINE');
    expect(cancelReason(AbortSignal.abort()).code).toBe('CUT_CANCELLED');
    const own = new CutpointError('CUT_OVERLOADED', 'full');
    expect(cancelReason(AbortSignal.abort(own))).toBe(own);
  });
});

describe('onCancel', () => {
  it('calls once, at once for a signal that has aborted, never after disposal, and not without a signal', () => {
    const calls: string[] = [];
    const controller = new AbortController();
    onCancel(controller.signal, () => calls.push('kept'));
    onCancel(controller.signal, () => calls.push('disposed'))[Symbol.dispose]();
    onCancel(undefined, () => calls.push('no signal'));
    controller.abort();
    controller.abort();
    onCancel(controller.signal, () => calls.push('late'));
    expect(calls).toEqual(['kept', 'late']);
  });
});

it('throwIfCancelled throws only for an aborted signal', () => {
  expect(() => throwIfCancelled(undefined)).not.toThrow();
  expect(() => throwIfCancelled(new AbortController().signal)).not.toThrow();
  expect(() => throwIfCancelled(AbortSignal.abort())).toThrow('The request was cancelled.');
});

it('a CancelSource does what an AbortController does, once', () => {
  const source = new CancelSource();
  const calls: string[] = [];
  onCancel(source, () => calls.push('kept'));
  onCancel(source, () => calls.push('disposed'))[Symbol.dispose]();
  expect(() => throwIfCancelled(source)).not.toThrow();
  const reason = new CutpointError('CUT_DEADLINE', 'late');
  source.abort(reason);
  source.abort(new CutpointError('CUT_CANCELLED', 'again'));
  onCancel(source, () => calls.push('late'));
  expect(calls).toEqual(['kept', 'late']);
  expect(cancelReason(source)).toBe(reason);
  expect(() => throwIfCancelled(source)).toThrow('late');
});
