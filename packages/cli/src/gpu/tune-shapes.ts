import type { ProductShape, TimedChoice, TunedProduct, TuneOptions } from '@cutpoint/gpu';
import { bestOfSchemes } from '@cutpoint/gpu';
import { formatMs } from '../output/units.js';

export interface TuneSteps {
  /** `tuneProduct` of a GPU. */
  readonly tune: (shape: ProductShape, options: Pick<TuneOptions, 'onProgress'>) => Promise<readonly TimedChoice[]>;
  /** Hears of each product what was found, before the next begins: what comes later may be interrupted or fail. */
  readonly keep: (found: readonly TunedProduct[]) => Promise<void>;
  /** Hears how far it is, and about how long the rest takes. */
  readonly show: (line: string) => void;
  /** A clock in ms. */
  readonly now: () => number;
}

/** Tunes products one after another. @returns of each the fastest of each scheme. @throws CutpointError as `tune` and `keep`. */
export async function tuneShapes(
  shapes: readonly ProductShape[],
  { tune, keep, show, now }: TuneSteps,
): Promise<readonly TunedProduct[]> {
  const all: TunedProduct[] = [];
  const startMs = now();
  for (const [i, shape] of shapes.entries()) {
    const { rows, outputs, columns } = shape;
    const what = `product ${i + 1} of ${shapes.length}: ${rows} x ${columns} times ${outputs} x ${columns}`;
    const onProgress = (done: number, total: number) => {
      const share = (i + done / total) / shapes.length;
      const left = share === 0 ? '' : `; about ${formatMs(((now() - startMs) * (1 - share)) / share)} left`;
      show(`${what}, kernel ${done + 1} of ${total}${left}`);
    };
    const found = bestOfSchemes(shape, await tune(shape, { onProgress }));
    await keep(found);
    all.push(...found);
  }
  return all;
}
