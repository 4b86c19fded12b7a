import { parentPort, workerData } from 'node:worker_threads';
import { processPort } from './process-port.js';
import { threadPort } from './thread-port.js';
import { serveSegment } from './worker-loop.js';

serveSegment(parentPort === null ? processPort() : threadPort(parentPort, workerData));
