import type { KernelSource } from '../device/kernel.js';
import { groupsOf } from '../matrix/code-matrix.js';
import type { ProductScheme } from '../matrix/product-scheme.js';
import {
  blockInputs,
  blockText,
  type IntegerProblem,
  integerParts,
  outputType,
  recoveryCost,
} from './integer-parts.js';
import { type ProductCost, type ProductSize, sumOfCosts } from './product-cost.js';

/** How a product is divided: a workgroup makes a tile, each of its threads some rows and columns of that. */
export interface TileShape {
  readonly kind: 'tile';
  readonly threadsM: number;
  readonly threadsN: number;
  /** Outputs of a thread. */
  readonly eachM: number;
  readonly eachN: number;
  /** Steps that are in shared memory at once. */
  readonly steps: number;
}

/**
 * Many rows times many rows: steps of both operands are read once into shared memory and used by the whole tile. Sums
 * are recovered in registers and written once.
 */
export function tileKernel(problem: IntegerProblem, tile: TileShape): KernelSource {
  const { leftWords, rightWords, name } = problem.scheme;
  const { threadsM, threadsN, eachM, eachN, steps } = tile;
  const [tileM, tileN, threads] = [threadsM * eachM, threadsN * eachN, threadsM * threadsN];
  const type = outputType(problem);
  const outputs = eachM * eachN;
  const wgsl = `${integerParts(problem)}
var<workgroup> leftTile: array<u32, ${tileM * steps * leftWords}>;
var<workgroup> rightTile: array<u32, ${tileN * steps * rightWords}>;

@compute @workgroup_size(${threadsN}, ${threadsM})
fn main(@builtin(local_invocation_id) own: vec3u, @builtin(local_invocation_index) thread: u32, ${blockInputs}) {
${blockText(tileN)}
  let firstM = block.y * ${tileM}u;
  let firstN = block.x * ${tileN}u;
  var totals = array<${type}, ${outputs}>();
  for (var group = 0u; group < shape.groups; group++) {
    // Without the value it keeps that of the group before under Dawn, whatever WGSL says.
    var raw = array<u32, ${outputs}>();
    let end = min((group + 1u) * groupSteps(), shape.steps);
    for (var first = group * groupSteps(); first < end; first += ${steps}u) {
${load('left', tileM, steps * leftWords, leftWords, threads, 'M', 'batch.rows')}
${load('right', tileN, steps * rightWords, rightWords, threads, 'N', 'shape.n')}
      workgroupBarrier();
      for (var step = 0u; step < ${steps}u; step++) {
${each(eachM, (i) => `        let a${i} = array<u32, ${leftWords}>(${words('left', `own.y * ${eachM}u + ${i}u`, steps, leftWords)});`)}
${each(eachN, (i) => `        let w${i} = array<u32, ${rightWords}>(${words('right', `own.x * ${eachN}u + ${i}u`, steps, rightWords)});`)}
${each(eachM, (i) => each(eachN, (j) => `        raw[${i * eachN + j}] += stepSum(a${i}, w${j});`))}
      }
      workgroupBarrier();
    }
    for (var i = 0u; i < ${outputs}u; i++) {
      let m = firstM + own.y * ${eachM}u + i / ${eachN}u;
      let n = firstN + own.x * ${eachN}u + i % ${eachN}u;
      if (m < batch.rows && n < shape.n) { totals[i] += groupProduct(raw[i], m, n, group); }
    }
  }
  for (var i = 0u; i < ${outputs}u; i++) {
    let m = firstM + own.y * ${eachM}u + i / ${eachN}u;
    let n = firstN + own.x * ${eachN}u + i % ${eachN}u;
    if (m < batch.rows && n < shape.n) { product[m * shape.n + n] = totals[i]; }
  }
}
`;
  const sharedBytes = 4 * steps * (tileM * leftWords + tileN * rightWords);
  return { label: `${name} ${tileM}x${tileN}x${steps}`, wgsl, threads, sharedBytes };
}

/** What `tileKernel` does: tiles are read and multiplied whole, also where they end behind the product or a group. */
export function tileKernelCost(scheme: ProductScheme, tile: TileShape, size: ProductSize): ProductCost {
  const [tileM, tileN] = [tile.threadsM * tile.eachM, tile.threadsN * tile.eachN];
  const tiles = Math.ceil(size.rows / tileM) * Math.ceil(size.outputs / tileN);
  const groupSteps = Math.ceil(Math.min(size.groupSize, size.columns) / scheme.columnsPerStep);
  const steps = tiles * groupsOf(size) * Math.ceil(groupSteps / tile.steps) * tile.steps;
  const products = {
    instructions: steps * tileM * tileN * (scheme.stepInstructions + 1),
    bytes: 4 * steps * (tileM * scheme.leftWords + tileN * scheme.rightWords),
  };
  const additions = { instructions: size.rows * size.outputs * groupsOf(size), bytes: 0 };
  return sumOfCosts([products, additions, recoveryCost(scheme, size)]);
}

/** Reads a tile of an operand; what lies behind its rows or the group's steps is zero. */
function load(
  side: 'left' | 'right',
  rows: number,
  rowWords: number,
  stepWords: number,
  threads: number,
  first: string,
  bound: string,
): string {
  return `      for (var i = thread; i < ${rows * rowWords}u; i += ${threads}u) {
        let row = first${first} + i / ${rowWords}u;
        let word = i % ${rowWords}u;
        let step = first + word / ${stepWords}u;
        let inside = row < ${bound} && step < end;
        let at = select(0u, (row * shape.steps + first) * ${stepWords}u + word, inside);
        ${side}Tile[i] = select(0u, ${side}Words[at], inside);
      }`;
}

function words(side: 'left' | 'right', row: string, steps: number, stepWords: number): string {
  const at = (word: number) => `${side}Tile[((${row}) * ${steps}u + step) * ${stepWords}u + ${word}u]`;
  return Array.from({ length: stepWords }, (_, word) => at(word)).join(', ');
}

function each(count: number, line: (index: number) => string): string {
  return Array.from({ length: count }, (_, index) => line(index)).join('\n');
}
