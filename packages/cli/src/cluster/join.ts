import { rankSettings, startRank } from '@cutpoint/cluster';
import { configureDaemon } from '../daemon-verb.js';
import type { Verb } from '../verb.js';

/**
 * `cutpoint cluster join`: the daemon that lends a machine to clusters. Where they give it a window it should have been started with
 * `windowEnvironment`; it says so if it was not.
 */
export const joinVerb: Verb = {
  example:
    'cutpoint cluster join --listen tcps://0.0.0.0:7410 --tls-cert cert.pem --tls-key key.pem --token-file token',
  configure: (command) => configureDaemon(command, rankSettings, startRank),
};
