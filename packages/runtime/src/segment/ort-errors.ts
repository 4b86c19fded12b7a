import { CutpointError, type ErrorCode, messageOf } from '@cutpoint/core';

/** Given to the runtime as the folder of external weights where there is none, or it would take the working directory. */
export const noWeightsFolder = '/dev/null';

/**
 * onnxruntime tells its errors apart only in prose. Each rule names the words of one kind of error (as of 1.30) and what
 * they mean to a user; the first that matches counts.
 */
interface Rule {
  readonly words: RegExp;
  readonly code: ErrorCode;
  readonly say: (found: readonly string[], text: string) => string;
}

const loadRules: readonly Rule[] = [
  {
    words: /No Op registered for (\S+) with domain_version of (\d+)/,
    code: 'CUT_UNSUPPORTED_OP',
    say: ([, op, opset]) => `The runtime knows no operator ${op} in opset ${opset}.`,
  },
  {
    words: /(\S+):(\S+)\(-?\d+\) is not a registered function\/op/,
    code: 'CUT_UNSUPPORTED_OP',
    say: ([, domain, op]) => `The runtime knows no operator ${op} of the domain ${domain}.`,
  },
  {
    words: /Could not find an implementation for (\S+?)\((\d+)\) node with name '(.*?)'/,
    code: 'CUT_UNSUPPORTED_OP',
    say: ([, op, version, node]) =>
      `The execution provider has no kernel for ${op} (version ${version}) with the element types of ${node === '' ? 'one of its nodes' : `node '${node}'`}.`,
  },
  {
    words: new RegExp(`External data path does not exist: "${noWeightsFolder}/(.*?)"`),
    code: 'CUT_EXTERNAL_DATA',
    say: ([, file]) => `The model keeps weights in '${file}', but no folder for them was given with the model's bytes.`,
  },
  {
    words: /External data path does not exist: "(.*?)"/,
    code: 'CUT_EXTERNAL_DATA',
    say: ([, path]) => `The model keeps weights in ${path}, which does not exist.`,
  },
  {
    words: /External data path: "(.*?)" .*allowed directory: "(.*?)"/,
    code: 'CUT_EXTERNAL_DATA',
    say: ([, path, folder]) => `The model keeps weights in '${path}', which is outside its folder ${folder}.`,
  },
  {
    words: /External initializer: (.*?) offset: (\d+) size to read: (\d+) given file_length: (\d+)/,
    code: 'CUT_EXTERNAL_DATA',
    say: ([, weight, offset, size, length]) =>
      `The weight '${weight}' takes ${size} bytes from byte ${offset} of its file on, but the file has only ${length} bytes.`,
  },
  {
    words: /external (?:data|initializer|file)/i,
    code: 'CUT_EXTERNAL_DATA',
    say: (_, text) => `The external weights could not be read: ${text}`,
  },
  {
    words: /Unsupported data type: (\d+)/,
    code: 'CUT_UNSUPPORTED_TYPE',
    say: ([, type]) =>
      `An input or output has the ONNX element type ${type === '16' ? 'bf16' : `number ${type}`}, which onnxruntime-node cannot carry.`,
  },
  {
    words:
      /protobuf parsing failed|No graph was found|does not have a graph|Model data pointer is null|invalid model|only \*guarantees\* support/i,
    code: 'CUT_MODEL_INVALID',
    say: (_, text) => `The runtime does not accept the model: ${text}`,
  },
];

const providerWords = /shared library|execution ?provider|adapter|webgpu|cuda|tensorrt|dml/i;

/** What a failed `InferenceSession.create` means. */
export function loadError(thrown: unknown, provider: string): CutpointError {
  if (thrown instanceof CutpointError) return thrown;
  const text = tidy(messageOf(thrown));
  for (const { words, code, say } of loadRules) {
    const found = words.exec(text);
    if (found !== null) return new CutpointError(code, say(found, text), { cause: thrown });
  }
  if (provider !== 'cpu' && providerWords.test(text)) {
    const message = `The execution provider '${provider}' does not work on this machine: ${text}${adviceFor(provider)}`;
    return new CutpointError('CUT_PROVIDER', message, { cause: thrown });
  }
  return new CutpointError('CUT_LOAD', `The runtime refused the segment: ${text}`, { cause: thrown });
}

/** What a provider needs beside the runtime's own package. */
function adviceFor(provider: string): string {
  if (provider === 'cuda') {
    return ' It needs CUDA 12, cuDNN 9 and their library for the runtime: `npm rebuild onnxruntime-node --foreground-scripts --ignore-scripts=false --onnxruntime-node-install=cuda12`.';
  }
  return provider === 'webgpu' ? " Check the GPU's driver; on Linux Vulkan and libvulkan.so.1 are needed." : '';
}

const inputWords = /invalid dimensions for input|Invalid rank for input|Unexpected input data type|Invalid Feed Input/i;

/** What a failed `InferenceSession.run` means. */
export function runError(thrown: unknown): CutpointError {
  const text = tidy(messageOf(thrown));
  if (inputWords.test(text)) return new CutpointError('CUT_INPUT', `An input does not fit: ${text}`, { cause: thrown });
  return new CutpointError('CUT_RUN', `The runtime failed: ${text}`, { cause: thrown });
}

/** One line that ends like a sentence, without the places in onnxruntime's own source. */
function tidy(text: string): string {
  const line = text
    .replaceAll(/\/onnxruntime_src\/\S+ .*?\)(?:::<lambda\(\)>)? (?=\S)/g, '')
    .replaceAll(/\S+\.(?:cc|h):\d+ \w+ /g, '')
    .replaceAll(/\[ONNXRuntimeError\] : \d+ : \w+ : /g, '')
    .replaceAll(/\s+/g, ' ')
    .trim();
  return /[.!?]$/.test(line) ? line : `${line}.`;
}
