// The door for those who serve a language model over HTTP: it loads fastify.
export { serveTextModel, type TextDoorOptions } from './api/serve-text-model.js';
