import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { concreteInputs, loadSegment, openCutModel, randomInputs } from '@cutpoint/runtime';
import { classifier } from '../../models.testing.js';
import { isNear, type Question } from './fleet-load.testing.js';

/** What is deployed, and where it is cut. */
export interface FaultModel {
  readonly name: string;
  readonly path: string;
  readonly at: number;
  readonly questions: readonly Question[];
}

const resnet = fileURLToPath(new URL('../../../../shared/models/vision/resnet20_cifar10.onnx', import.meta.url));
const inputs = 8;

/** ResNet-20, or where it is not at hand the classifier of the OCR models, with what the uncut model answers. */
export async function faultModel(): Promise<FaultModel> {
  const [path, at, name] = existsSync(resnet)
    ? ([resnet, 39, 'ResNet-20'] as const)
    : ([classifier, 100, 'OCR classifier'] as const);
  const model = await openCutModel(path);
  const specs = concreteInputs(model.inputs, new Map()).inputs;
  await using whole = await loadSegment({ kind: 'file', path });
  const questions: Question[] = [];
  for (let number = 0; number < inputs; number++) {
    const input = randomInputs(specs, number + 1);
    const [answer] = (await whole.run(input)).outputs.values();
    if (answer === undefined) throw new Error('The model has an output.');
    const expected = new Float32Array(answer.data.slice().buffer);
    if (questions.some((other) => isNear(answer.data, other.expected))) throw new Error('Answers must differ.');
    questions.push({ input, expected });
  }
  return { name, path, at, questions };
}
