import { choicesVerb } from '../gpu/choices.js';
import { gpuInfo } from '../gpu/info.js';
import { tuneVerb } from '../gpu/tune.js';
import { addVerb, configureGroup, type Verb } from '../verb.js';

/** `cutpoint gpu`: what kernels of our own run on. */
export const gpu: Verb = {
  example: 'cutpoint gpu info',
  configure: (command) => {
    configureGroup(command);
    addVerb(command, { name: 'info', summary: 'Says which GPU kernels run on, and what it allows.' }, gpuInfo);
    addVerb(
      command,
      { name: 'tune', summary: 'Finds the fastest kernels for a language model on this GPU, and keeps what it found.' },
      tuneVerb,
    );
    addVerb(
      command,
      { name: 'choices', summary: 'Shows what --provider auto measured and chose, or forgets it.' },
      choicesVerb,
    );
  },
};
