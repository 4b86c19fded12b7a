// The door for those who only start a server. What deploys models, behind the other door, takes longer to load than all of this.
export { type ServerContext, startServer } from './server.js';
export { type ServerSettings, serverSettings } from './settings.js';
