// The door for those who serve a language model over HTTP: it loads fastify.
export { type ServedText, serveTextModel } from './api/serve-text-model.js';
