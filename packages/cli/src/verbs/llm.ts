import { calibrateVerb } from '../llm/calibrate.js';
import { evaluateVerb } from '../llm/evaluate.js';
import { generateVerb } from '../llm/generate.js';
import { importVerb } from '../llm/import.js';
import { layerBitsVerb } from '../llm/layer-bits.js';
import { planVerb } from '../llm/plan.js';
import { synthesiseVerb } from '../llm/synthesise.js';
import { addVerb, configureGroup, type Verb } from '../verb.js';

/** `cutpoint llm`: language models. */
export const llm: Verb = {
  example: 'cutpoint llm import Llama-3.2-1B-Instruct --bits 4 --out llama',
  configure: (command) => {
    configureGroup(command);
    addVerb(
      command,
      { name: 'import', summary: 'Makes a package of a Hugging Face checkpoint or a GGUF file.' },
      importVerb,
    );
    addVerb(
      command,
      { name: 'layer-bits', summary: 'Finds a width for each layer, under a mean, by what the layer does.' },
      layerBitsVerb,
    );
    addVerb(command, { name: 'generate', summary: 'Continues a text, and says how fast.' }, generateVerb);
    addVerb(command, { name: 'eval', summary: 'Measures the perplexity of a text.' }, evaluateVerb);
    addVerb(
      command,
      { name: 'calibrate', summary: 'Measures a model cut in two on this device, for `llm plan`.' },
      calibrateVerb,
    );
    addVerb(
      command,
      {
        name: 'plan',
        summary: 'Finds where to cut, in which widths and with which codec, within memory and deadline.',
      },
      planVerb,
    );
    addVerb(
      command,
      { name: 'synth', summary: 'Makes a package of random weights in the shape of a known model, for measurements.' },
      synthesiseVerb,
    );
  },
};
