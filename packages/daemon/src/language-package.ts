import { existsSync } from 'node:fs';
import { join } from 'node:path';

/** Whether a path is the folder of a language model's package, which `cutpoint llm import` makes, and not an ONNX model. */
export function isLanguagePackage(path: string): boolean {
  return existsSync(join(path, 'manifest.json'));
}
