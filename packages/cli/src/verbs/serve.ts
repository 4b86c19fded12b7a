import { serverSettings, startServer } from '@cutpoint/server/daemon';
import { configureDaemon } from '../daemon-verb.js';
import type { Verb } from '../verb.js';

/** `cutpoint serve`: the daemon that runs the segment behind the cut. */
export const serve: Verb = {
  example:
    'cutpoint serve model.onnx --at 12 --listen ws://127.0.0.1:7400\n  $ cutpoint serve --fleet ~/.local/state/cutpoint --lan   # the server of a fleet',
  configure: (command) => configureDaemon(command, serverSettings, startServer),
};
