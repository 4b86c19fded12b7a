import { conformTo } from './transport-conformance.testing.js';

let names = 0;
conformTo('memory', () => `memory:conformance-${names++}`, false);
conformTo('tcp', () => 'tcp://127.0.0.1:0', false);
conformTo('tcps', () => 'tcps://127.0.0.1:0', true);
conformTo('ws', () => 'ws://127.0.0.1:0', false);
conformTo('wss', () => 'wss://127.0.0.1:0', true);
