import { parentPort, workerData } from 'node:worker_threads';
import { relaySegment } from './process-relay.js';
import { threadPort } from './thread-port.js';
import { serveSegment } from './worker-loop.js';

// The same script is the main thread of a worker process and the worker thread in it.
if (parentPort === null) relaySegment();
else serveSegment(threadPort(parentPort, workerData));
