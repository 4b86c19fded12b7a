/**
 * How long the exact front takes: `node packages/plan/bench/front.mjs` after a build. Prints a table: instance, objectives,
 * labels that the search kept, points of the front, and the median and longest of five runs in ms, one core.
 */
import { paretoFront } from '../dist/index.js';
import { adversarial, realistic } from './instances.mjs';

const instances = [
  ['equal devices', realistic({ seed: 1, slow: [3, 3, 3, 3] })],
  ['two Pis, laptop, server, wired', realistic({ seed: 2 })],
  ['the same, other model', realistic({ seed: 3 })],
  ['the same, 5 Mbit/s first', realistic({ seed: 2, rates: [0.6e6, 12e6, 12e6] })],
  ['the same, Wi-Fi', realistic({ seed: 4, rates: [3e6, 3e6, 5e6] })],
  ['all costs random 1', adversarial({ seed: 1 })],
  ['all costs random 2', adversarial({ seed: 2 })],
];
const sets = [
  ['latency', 'throughput'],
  ['latency', 'throughput', 'energy'],
  ['latency', 'throughput', 'accuracy'],
  ['latency', 'energy', 'accuracy'],
  ['throughput'],
  ['throughput', 'memory'],
  ['latency', 'throughput', 'memory'],
];
const runs = Number(process.argv[2] ?? 5);

const row = (...cells) => {
  const widths = [32, -34, 9, 7, 9, 9];
  process.stdout.write(
    `${cells.map((cell, i) => (i < 2 ? String(cell).padEnd(Math.abs(widths[i])) : String(cell).padStart(widths[i]))).join('')}\n`,
  );
};
row('instance', 'objectives', 'labels', 'points', 'ms', 'most ms');
for (const [name, problem] of instances) {
  for (const objectives of sets) {
    const times = [];
    let front;
    for (let run = 0; run < runs; run++) {
      const began = performance.now();
      front = paretoFront(problem, { objectives });
      times.push(performance.now() - began);
    }
    times.sort((a, b) => a - b);
    const median = times[Math.floor(times.length / 2)];
    row(name, objectives.join(' '), front.labels, front.points.length, median.toFixed(0), times.at(-1).toFixed(0));
  }
}
