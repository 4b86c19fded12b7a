import { attribute, buildModel, type Model, node, subgraph, tensorValue, weight } from '@cutpoint/graph';
import { f32Weight } from './values.js';

/**
 * A model with `If`, `Loop` and `Scan` whose bodies capture outer values and weights, an `If` inside the `Loop`, two
 * inputs, three outputs (one known early, one an input handed through), empty optional inputs and shape arithmetic.
 */
export function controlFlowModel(): Model {
  return buildModel({
    opset: 17,
    inputs: [tensorValue('x', 'f32', ['N', 8]), tensorValue('flag', 'bool', [])],
    outputs: [
      tensorValue('early', 'f32', ['N', 8]),
      tensorValue('y', 'f32', ['N', 4]),
      tensorValue('flag', 'bool', []),
      tensorValue('sums', 'f32', null_(2)),
    ],
    initializers: [
      f32Weight('w1', [8, 8]),
      f32Weight('w2', [8, 8]),
      f32Weight('w3', [8, 4]),
      f32Weight('bias', [8]),
      weight('trips', 'i64', [], new BigInt64Array([3n])),
      weight('one', 'i64', [1], new BigInt64Array([1n])),
      weight('half', 'f32', [], new Float32Array([0.5])),
    ],
    nodes: [
      node('MatMul', ['x', 'w1'], ['h1'], {}, { name: 'dense1' }),
      node('Clip', ['h1', '', 'half'], ['early'], {}, { name: 'clip' }),
      node(
        'If',
        ['flag'],
        ['h2'],
        { then_branch: attribute.graph(thenBranch()), else_branch: attribute.graph(elseBranch()) },
        { name: 'choose' },
      ),
      node('Constant', [], ['go'], { value: attribute.tensor(weight('', 'bool', [], new Uint8Array([1]))) }),
      node('Loop', ['trips', 'go', 'h2'], ['h3', 'trace'], { body: attribute.graph(loopBody()) }, { name: 'refine' }),
      node('Shape', ['h3'], ['shape'], {}, { name: 'shape' }),
      node('Reshape', ['h3', 'shape'], ['h4'], {}, { name: 'view' }),
      node(
        'Scan',
        ['bias', 'h4'],
        ['last', 'sums'],
        { body: attribute.graph(scanBody()), num_scan_inputs: attribute.int(1) },
        { name: 'running' },
      ),
      node('Add', ['h4', 'last'], ['h5'], {}, { name: 'join' }),
      node('MatMul', ['h5', 'w3'], ['y'], {}, { name: 'dense3' }),
    ],
  });
}

const null_ = (rank: number) => Array.from({ length: rank }, () => null);

/** Captures the outer values `h1` and `early` and the weight `w2`. */
function thenBranch() {
  return subgraph({
    name: 'then',
    inputs: [],
    outputs: [tensorValue('then_out', 'f32', null_(2))],
    nodes: [node('MatMul', ['h1', 'w2'], ['then_mm']), node('Add', ['then_mm', 'early'], ['then_out'])],
  });
}

function elseBranch() {
  return subgraph({
    name: 'else',
    inputs: [],
    outputs: [tensorValue('else_out', 'f32', null_(2))],
    nodes: [node('Mul', ['x', 'half'], ['else_out'])],
  });
}

/** h = flag ? tanh(h w1 + x) : h - x, three times; the inner `If` captures through two levels. */
function loopBody() {
  const inner = (name: string, nodes: ReturnType<typeof node>[]) =>
    subgraph({ name, inputs: [], outputs: [tensorValue(`${name}_out`, 'f32', null_(2))], nodes });
  const yes = inner('yes', [
    node('MatMul', ['h_in', 'w1'], ['yes_mm']),
    node('Add', ['yes_mm', 'x'], ['yes_sum']),
    node('Tanh', ['yes_sum'], ['yes_out']),
  ]);
  const no = inner('no', [node('Sub', ['h_in', 'x'], ['no_out'])]);
  return subgraph({
    name: 'body',
    inputs: [tensorValue('i', 'i64', []), tensorValue('cond_in', 'bool', []), tensorValue('h_in', 'f32', null_(2))],
    outputs: [
      tensorValue('cond_out', 'bool', []),
      tensorValue('h_out', 'f32', null_(2)),
      tensorValue('trace_out', 'f32', null_(2)),
    ],
    nodes: [
      node('Identity', ['cond_in'], ['cond_out']),
      node('If', ['flag'], ['h_out'], { then_branch: attribute.graph(yes), else_branch: attribute.graph(no) }),
      node('Identity', ['h_out'], ['trace_out']),
    ],
  });
}

/** A running sum over the rows of `h4`; captures the weight `half`. */
function scanBody() {
  return subgraph({
    name: 'scan',
    inputs: [tensorValue('sum_in', 'f32', [8]), tensorValue('row', 'f32', [8])],
    outputs: [tensorValue('sum_out', 'f32', [8]), tensorValue('sum_seen', 'f32', [8])],
    nodes: [
      node('Mul', ['row', 'half'], ['scaled']),
      node('Add', ['sum_in', 'scaled'], ['sum_out']),
      node('Identity', ['sum_out'], ['sum_seen']),
    ],
  });
}
