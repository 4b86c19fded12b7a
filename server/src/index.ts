export { startServer } from './server.js';
export { type ServerSettings, serverSettings } from './settings.js';
