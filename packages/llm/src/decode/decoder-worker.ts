import { parentPort, workerData } from 'node:worker_threads';
import { openService } from './open-service.js';
import { serveDecoder } from './serve-decoder.js';

if (parentPort !== null) serveDecoder(parentPort, workerData, openService);
