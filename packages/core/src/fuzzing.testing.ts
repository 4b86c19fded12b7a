import { type Random, randomFrom, seedOf } from './mutating.testing.js';

/** Something that is given changed input until it breaks. */
export interface FuzzTarget extends AsyncDisposable {
  /**
   * Gives one changed input and tells what became of it: `taken`, or the code with which it was refused.
   * @throws whatever shows that a rule is broken
   */
  attempt(random: Random): string | Promise<string>;
  /** Throws if something does not hold that must, whatever came before. Called now and then, and at the end. */
  check?(): void | Promise<void>;
}

/** One kind of input. */
export interface FuzzKind {
  readonly name: string;
  /** Its share of all inputs. */
  readonly weight: number;
  open(): FuzzTarget | Promise<FuzzTarget>;
}

export interface FuzzOptions {
  readonly seed: number;
  readonly first?: number;
  readonly count: number;
  /** Called now and then with the number of the input that is next. */
  readonly onProgress?: (next: number) => void;
}

/** What was done. */
export interface FuzzOutcome {
  readonly kind: string;
  readonly count: number;
  /** How often each outcome came. */
  readonly outcomes: Readonly<Record<string, number>>;
  /** The input that took longest, and how long, in ms. */
  readonly slowest: { readonly input: number; readonly ms: number };
}

/** An input that takes longer hangs. */
const longestMs = 10_000;
/** Inputs between two looks at the rest of the process, in which timers run and lost errors show. */
const breathAfter = 64;
const checkAfter = 4_096;

/** Gives so many inputs of one kind. @throws Error that says which input broke which rule, and how to see it again */
export async function fuzz(kind: FuzzKind, options: FuzzOptions): Promise<FuzzOutcome> {
  const { seed, first = 0, count, onProgress } = options;
  const outcomes: Record<string, number> = {};
  let slowest = { input: first, ms: 0 };
  const target = await kind.open();
  let input = first;
  try {
    for (; input < first + count; input++) {
      const startedAtMs = performance.now();
      const attempt = target.attempt(randomFrom(seedOf(seed, kind.name, input)));
      const outcome = typeof attempt === 'string' ? attempt : await inTime(attempt);
      const ms = performance.now() - startedAtMs;
      outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
      if (ms > slowest.ms) slowest = { input, ms };
      if (ms > longestMs) throw new Error(`it took ${Math.round(ms)} ms`);
      if (input % breathAfter === 0) {
        onProgress?.(input + 1);
        await new Promise((resolve) => setImmediate(resolve));
      }
      if ((input + 1) % checkAfter === 0) await target.check?.();
    }
    await target.check?.();
  } catch (cause) {
    const why = cause instanceof Error ? (cause.stack ?? cause.message) : String(cause);
    const again = `npm run fuzz -- --kind ${kind.name} --seed ${seed}`;
    throw new Error(
      `Input ${input} of ${kind.name} with seed ${seed} broke a rule: ${why}\nTo see it again: ${again} --first ${input} --frames 1, or with all before it: ${again} --frames ${input + 1}`,
      { cause },
    );
  } finally {
    await target[Symbol.asyncDispose]();
  }
  return { kind: kind.name, count, outcomes, slowest };
}

async function inTime(attempt: Promise<string>): Promise<string> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`nothing came of it within ${longestMs} ms`)), longestMs);
  });
  try {
    return await Promise.race([attempt, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** How many inputs of each kind make so many in all: at least one of each. */
export function sharesOf<K extends { readonly weight: number }>(
  kinds: readonly K[],
  total: number,
): readonly { readonly kind: K; readonly count: number }[] {
  const weights = kinds.reduce((sum, { weight }) => sum + weight, 0);
  return kinds.map((kind) => ({ kind, count: Math.max(1, Math.ceil((kind.weight / weights) * total)) }));
}

/** The code of what was thrown. @throws it, if it is no refusal but a defect */
export function refusalOf(thrown: unknown, allowed: readonly string[]): string {
  const { code } = thrown as { code?: unknown };
  if (typeof code === 'string' && allowed.includes(code)) return code;
  throw thrown;
}

/** @throws Error if a value that all objects inherit was put in */
export function checkPrototypes(): void {
  if ('polluted' in {} || 'polluted' in []) throw new Error('Object.prototype was changed');
}
