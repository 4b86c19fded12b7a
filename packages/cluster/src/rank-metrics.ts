import { Counter, Gauge, type Registry } from 'prom-client';
import type { RankReading } from './control/rank-report.js';

/** What is counted of each rank: its name, what it is, and how it is read. */
const counts: readonly (readonly [string, string, (reading: RankReading) => number])[] = [
  ['compute_seconds', 'Time in which a rank computed.', ({ computeMs }) => computeMs / 1000],
  ['wait_seconds', 'Time in which a rank stood still for others.', ({ waitMs }) => waitMs / 1000],
  ['sync_seconds', 'Time of all-reduces, waiting included.', ({ syncMs }) => syncMs / 1000],
  ['sent_bytes', 'Bytes that a rank sent to others.', ({ sentBytes }) => sentBytes],
  ['received_bytes', 'Bytes that a rank received from others.', ({ receivedBytes }) => receivedBytes],
];

const labelNames = ['rank', 'address'];

/** Has metrics show what each rank spent. Counts begin anew when ranks are brought together anew. */
export function openRankMetrics(registers: Registry[], readings: () => readonly RankReading[]): void {
  for (const [what, help, read] of counts) {
    new Counter({
      name: `cutpoint_rank_${what}_total`,
      help: `${help} Since the ranks were brought together.`,
      labelNames,
      registers,
      collect() {
        this.reset();
        for (const [rank, reading] of readings().entries())
          this.inc({ rank: String(rank), address: reading.rank }, read(reading));
      },
    });
  }
  new Gauge({
    name: 'cutpoint_rank_weights_bytes',
    help: 'Weights that a rank has.',
    labelNames,
    registers,
    collect() {
      this.reset();
      for (const [rank, reading] of readings().entries())
        this.set({ rank: String(rank), address: reading.rank }, reading.weightsBytes);
    },
  });
}
