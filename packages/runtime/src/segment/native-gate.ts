/**
 * Keeps the process from exiting while a worker thread is inside native code: Node would tear the thread down, and
 * onnxruntime-node would then abort the process (an uncaught Napi::Error) whatever exit status was asked for.
 */
const idle = 0;
const inside = 1;
const shut = 2;

/** Longest time an exiting process waits for an inference; then it is killed. */
const patienceMs = 3_000;

/** The threads of this process whose native code an exit must wait for: exiting is the process's own affair. */
const open = new Set<Int32Array>();

/** A gate for a new thread, which counts as inside until it has loaded its native library. */
export function openGate(): Int32Array {
  const gate = new Int32Array(new SharedArrayBuffer(4)).fill(inside);
  if (open.size === 0) process.on('exit', shutAll);
  open.add(gate);
  return gate;
}

/** To be called once the thread is gone. */
export function forgetGate(gate: Int32Array): void {
  open.delete(gate);
  if (open.size === 0) process.off('exit', shutAll);
}

function shutAll(): void {
  const until = performance.now() + patienceMs;
  for (const gate of open) {
    while (Atomics.compareExchange(gate, 0, idle, shut) === inside && performance.now() < until) {
      Atomics.wait(gate, 0, inside, until - performance.now());
    }
  }
  // Node would join the thread, for ever where the inference never ends. Nothing gentler is left: any other way out of
  // the process runs through native clean-up. The exit status asked for is lost.
  for (const gate of open) if (Atomics.load(gate, 0) === inside) process.kill(process.pid, 'SIGKILL');
}

/** On the thread: waits for the gate before native code. Once shut it never opens, as the process is about to end. */
export function enterNative(gate: Int32Array): void {
  while (Atomics.compareExchange(gate, 0, idle, inside) === shut) Atomics.wait(gate, 0, shut);
}

/** On the thread: native code is left. */
export function leaveNative(gate: Int32Array): void {
  Atomics.store(gate, 0, idle);
  Atomics.notify(gate, 0);
}
