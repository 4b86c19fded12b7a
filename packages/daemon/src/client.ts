// For programs beside the daemons, which start often: it loads no runtime.
export { readHostPort } from './host-port.js';
export { isLoopback } from './loopback.js';
export { prettyLine } from './pretty-line.js';
export { readAuthorityFile, readTokenFile } from './secrets.js';
export { stateFolder, stateHelp } from './state-folder.js';
