import { generateVerb } from '../cluster/generate.js';
import { joinVerb } from '../cluster/join.js';
import { clusterPlanVerb } from '../cluster/plan.js';
import { clusterServeVerb } from '../cluster/serve.js';
import { addVerb, configureGroup, type Verb } from '../verb.js';

/** `cutpoint cluster`: one language model on several small machines. */
export const cluster: Verb = {
  example: 'cutpoint cluster generate llama --local 2 --prompt "Once upon a time"',
  configure: (command) => {
    configureGroup(command);
    addVerb(
      command,
      { name: 'plan', summary: 'Finds over which devices a language model runs, and what each has of it.' },
      clusterPlanVerb,
    );
    addVerb(command, { name: 'join', summary: 'Lends this machine to clusters, as a rank.' }, joinVerb);
    addVerb(
      command,
      { name: 'generate', summary: 'Continues a text with a model that is divided over several machines.' },
      generateVerb,
    );
    addVerb(
      command,
      { name: 'serve', summary: "Serves a model that is divided over several machines, over an API like OpenAI's." },
      clusterServeVerb,
    );
  },
};
