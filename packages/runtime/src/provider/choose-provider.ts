import { asCutpointError, type CancelSignal, type NamedTensors, onCancel, throwIfCancelled } from '@cutpoint/core';
import { orCancelled } from '../segment/or-cancelled.js';
import { differenceOf } from './difference.js';
import { machineKey } from './machine-key.js';
import { noticesOf, type ProviderChoice, type ProviderTrial } from './provider-choice.js';
import { choiceKey, type RememberedChoice, recallChoice, rememberChoice } from './remembered-choices.js';

/** What a provider gave on the same inputs as all others. */
export interface ProviderMeasurement {
  /** Of one run, the median of a few. */
  readonly ms: number;
  readonly outputs: NamedTensors;
}

export interface ChoiceRequest {
  /** What is measured, for people: `segment of 12 MB`. */
  readonly what: string;
  /** Plain data that says what is measured and how, beside the machine. */
  readonly subject: unknown;
  /** Providers to try beside the CPU. */
  readonly others: readonly string[];
  /** Runs a provider a few times, and closes what it opened for that, also where the signal aborts. */
  readonly measure: (provider: string, signal: CancelSignal) => Promise<ProviderMeasurement>;
  /** The largest difference (see `differenceOf`) from what the CPU computes with which a provider counts as right. */
  readonly mostDifference: number;
  /** For each provider. Default 30,000. */
  readonly deadlineMs?: number;
  /** Hears a sentence before something is measured, which takes a while. */
  readonly onMeasuring?: ((sentence: string) => void) | undefined;
  readonly signal?: CancelSignal | undefined;
}

/** The CPU is left only for what is clearly faster: what is equally fast is mostly the CPU by another name. */
const leastGain = 1.1;
const standardDeadlineMs = 30_000;

/** A choice, and by which key it is remembered. */
export interface KeptChoice {
  readonly key: string;
  readonly choice: ProviderChoice;
}

/**
 * The fastest provider of those that compute what the CPU does: as remembered from the last time on this machine, else measured now, one
 * after another. What fails, takes too long or computes something else is left, and a notice says so.
 * @throws CutpointError what `measure` throws of the CPU; CUT_CANCELLED, CUT_DEADLINE.
 */
export async function chooseProvider(request: ChoiceRequest): Promise<KeptChoice> {
  const { what, subject, others, mostDifference, signal } = request;
  const key = choiceKey({ subject, others, mostDifference, machine: await machineKey() });
  const known = await recallChoice(key);
  if (known !== undefined && isPossible(known, others)) {
    const { provider, trials } = known;
    return { key, choice: { provider, how: 'remembered', trials, notices: noticesOf(trials) } };
  }
  if (others.length > 0) request.onMeasuring?.(measuringText(request));
  const due = await within(request, 'cpu');
  const trials: ProviderTrial[] = [{ provider: 'cpu', outcome: 'right', ms: due.ms, difference: 0 }];
  for (const provider of others) {
    trials.push(await tryProvider(request, provider, due.outputs));
    throwIfCancelled(signal);
  }
  const provider = fastestOf(trials, due.ms);
  await rememberChoice(key, { what, provider, trials, measuredAt: new Date().toISOString() });
  return { key, choice: { provider, how: 'measured', trials, notices: noticesOf(trials) } };
}

/** A cache that was damaged or came from elsewhere may say anything. */
function isPossible({ provider, trials }: RememberedChoice, others: readonly string[]): boolean {
  const isRight = trials.some((trial) => trial.provider === provider && trial.outcome === 'right');
  return isRight && ['cpu', ...others].includes(provider);
}

function measuringText({ what, others, deadlineMs = standardDeadlineMs }: ChoiceRequest): string {
  const names = ['cpu', ...others].join(', ');
  return `Measuring once which is fastest for ${what}: ${names}, at most ${deadlineMs / 1000} s each.`;
}

async function tryProvider(request: ChoiceRequest, provider: string, due: NamedTensors): Promise<ProviderTrial> {
  const { mostDifference: most } = request;
  try {
    const { ms, outputs } = await within(request, provider);
    const difference = differenceOf(outputs, due);
    if (difference <= most) return { provider, outcome: 'right', ms, difference };
    return { provider, outcome: 'wrong', difference: Number.isFinite(difference) ? difference : null, most };
  } catch (thrown) {
    const { code, message } = asCutpointError(thrown, 'CUT_PROVIDER');
    return { provider, outcome: 'failed', code, message };
  }
}

/** Measures one, no longer than the deadline. */
async function within(request: ChoiceRequest, provider: string): Promise<ProviderMeasurement> {
  const { measure, deadlineMs = standardDeadlineMs, signal } = request;
  const ends = new AbortController();
  const timer = setTimeout(() => ends.abort(new DOMException('late', 'TimeoutError')), deadlineMs);
  using _ = onCancel(signal, () => ends.abort(signal?.reason));
  try {
    throwIfCancelled(signal);
    return await orCancelled(measure(provider, ends.signal), ends.signal);
  } finally {
    clearTimeout(timer);
  }
}

function fastestOf(trials: readonly ProviderTrial[], cpuMs: number): string {
  const right = trials.filter((trial) => trial.outcome === 'right').sort((a, b) => a.ms - b.ms);
  const [fastest] = right;
  return fastest !== undefined && fastest.ms * leastGain < cpuMs ? fastest.provider : 'cpu';
}
