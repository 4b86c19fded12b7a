import { errorsOf, type ResultRow, type Results, rankingsOf } from './results.js';

/** A row with made-up figures. */
export function sampleRow(
  row: Partial<ResultRow> & { label?: string; latencyMs: number; throughputHz: number },
): ResultRow {
  const { label = 'a plan', latencyMs, throughputHz, ...rest } = row;
  return {
    model: 'mobilenet_v2_f32',
    plan: { devices: ['pi-1', 'gpu-box'], cuts: [3], codecs: ['raw'], label },
    predicted: { latencyMs: latencyMs * 1.06, throughputHz: throughputHz * 0.96 },
    measured: { latencyMs, throughputHz, p99Ms: latencyMs * 1.3 },
    baseline: false,
    heldOut: true,
    referenceMs: 16,
    ...rest,
  };
}

/** Results with made-up figures of the usual shape. */
export function sampleResults(rows: readonly ResultRow[], more: Partial<Results> = {}): Results {
  return {
    format: 'cutpoint-testbed-results',
    version: 1,
    scenario: { name: 'sample', title: 'Two Pis and a GPU box', description: 'Made-up figures.' },
    emulation: 'user-space-proxy',
    dilation: 1,
    machine: '2 cores of a Xeon',
    date: '2026-01-02T03:04:05Z',
    rows: [...rows],
    ...errorsOf(rows),
    rankings: rankingsOf(rows),
    notes: [],
    ...more,
  };
}

/** A front of twelve cuts between two single devices. */
export function sampleFront(): readonly ResultRow[] {
  const cuts = Array.from({ length: 12 }, (_, i) =>
    sampleRow({
      label: `cut ${5 * i + 2} (block_${i}), f16`,
      latencyMs: 30 + 5 * i + 18 * Math.abs(Math.sin(i)),
      throughputHz: 24 + 3 * i + 5 * Math.cos(2 * i),
      parts: { predicted: { computeMs: 20, linkMs: 12 }, measured: { computeMs: 21, linkMs: 11 } },
    }),
  );
  return [
    sampleRow({ label: 'pi-1 alone', latencyMs: 96, throughputHz: 10.4, baseline: true, heldOut: false }),
    sampleRow({ label: 'gpu-box alone', latencyMs: 22, throughputHz: 31, baseline: true, heldOut: false }),
    ...cuts,
  ];
}
