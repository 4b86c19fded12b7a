import { agentSettings, startAgent } from '@cutpoint/edge-agent';
import { configureDaemon } from '../daemon-verb.js';
import type { Verb } from '../verb.js';

/** `cutpoint agent`: the daemon that runs the segment before the cut, near the data. */
export const agent: Verb = {
  example:
    'cutpoint agent model.onnx --at 12 --server ws://127.0.0.1:7400\n  $ cutpoint agent --fleet   # a device of a fleet, once it is paired',
  configure: (command) => configureDaemon(command, agentSettings, startAgent),
};
