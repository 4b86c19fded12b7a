/** The built worker; `src/segment` and `dist/segment` lie equally deep, so this holds from both. */
export const workerScript = new URL('../../dist/segment/worker.js', import.meta.url);
