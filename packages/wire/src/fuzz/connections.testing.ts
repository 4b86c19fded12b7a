import { type CancelSignal, CutpointError, onCancel } from '@cutpoint/core';
import type { FuzzKind, FuzzTarget } from '../../../core/src/fuzzing.testing.js';
import { joined, mutant, pick, pieces, type Random } from '../../../core/src/mutating.testing.js';
import { introduce } from '../client-peer.js';
import type { FrameType } from '../frame-format.js';
import { defaultLimits, type WireLimits } from '../limits.js';
import { WebSocketLink } from '../link-ws.js';
import { type IncomingRequest, ServedConnection } from '../served-connection.js';
import { binaryFrame } from '../websocket-encode.js';
import { changedWebSocketStream } from './decoders.testing.js';
import { changedFrame, validFrames, validHello } from './frames.testing.js';
import { checkExpected, framesOf, TestPipe } from './pipe.testing.js';

const limits: WireLimits = { ...defaultLimits, maxFrameBytes: 1024 * 1024, maxRequests: 4 };
const fromServers: readonly FrameType[] = ['reply', 'error', 'pong', 'ping', 'goodbye', 'hello'];

const alone = (attempt: (random: Random) => Promise<string>): FuzzTarget => ({
  attempt,
  async [Symbol.asyncDispose]() {},
});

/** Whole connections, over a link of the test: from the first byte to the end. */
export const connectionKinds: readonly FuzzKind[] = [
  { name: 'served', weight: 8, open: () => alone(serve) },
  { name: 'served-websocket', weight: 2, open: () => alone(serveWebSocket) },
  { name: 'client', weight: 4, open: () => alone(call) },
];

/** A client that says hello, most of the time, and then what it should not. */
async function serve(random: Random): Promise<string> {
  const pipe = new TestPipe();
  const served = listenAt(pipe, pipe);
  const hello = random(8) === 0 ? mutant(validHello, random) : validHello;
  for (const chunk of pieces(joined(hello, changedFrame(random)), random)) pipe.deliver(chunk, random(2) === 0);
  return await served.ended();
}

async function serveWebSocket(random: Random): Promise<string> {
  const pipe = new TestPipe();
  const served = listenAt(pipe, new WebSocketLink(pipe, 'server'));
  const stream = joined(
    ...binaryFrame('client', [validHello]),
    changedWebSocketStream(random, 'client', pick(validFrames, random)),
  );
  for (const chunk of pieces(stream, random)) pipe.deliver(chunk, false);
  return await served.ended();
}

function listenAt(pipe: TestPipe, link: ConstructorParameters<typeof ServedConnection>[0]) {
  let problem: CutpointError | undefined;
  let ends = 0;
  let running = 0;
  const handler = async (request: IncomingRequest) => {
    running++;
    try {
      return await handle(request);
    } finally {
      running--;
    }
  };
  const connection = new ServedConnection(link, {
    limits,
    handler,
    hello: undefined,
    token: undefined,
    checkToken: undefined,
    identity: undefined,
    onError: (error) => {
      checkExpected(error);
      problem = error;
    },
    onHello() {},
    onClose: () => ends++,
  });
  return {
    /** The client goes away, if the server has not sent it away before. */
    async ended(): Promise<string> {
      await Promise.resolve();
      pipe.destroy();
      await connection.closed;
      // What was under way hears of the end and finishes.
      for (let i = 0; running > 0 && i < 10; i++) await new Promise((resolve) => setImmediate(resolve));
      if (running > 0 || ends !== 1) throw new Error(`${running} requests go on, and it ended ${ends} times`);
      if (link === pipe) for (const { fields } of framesOf(pipe.written)) checkTold(fields);
      return problem === undefined || problem.code === 'CUT_CONNECTION_LOST' ? 'taken' : problem.code;
    },
  };
}

/** The other side must not hear of a defect. */
function checkTold({ code, message }: Readonly<Record<string, unknown>>): void {
  if (code === 'CUT_INTERNAL' && message !== planned) throw new Error(`it was told of a defect: ${String(message)}`);
}

const planned = 'as planned';

async function handle({ method, tensors, meta, signal }: IncomingRequest) {
  if (method === 'fail') throw new CutpointError('CUT_INTERNAL', planned);
  if (method === 'wait') await aborted(signal);
  return { tensors, meta };
}

function aborted(signal: CancelSignal): Promise<void> {
  return new Promise((resolve) => {
    onCancel(signal, resolve);
  });
}

/** A server that answers a hello and three questions with what it should not. */
async function call(random: Random): Promise<string> {
  const pipe = new TestPipe();
  const dialled = introduce(pipe, { limits, hello: undefined, token: 'x', hungUp: undefined, identity: undefined });
  const settled: Promise<unknown>[] = [];
  const failures: unknown[] = [];
  const note = (promise: Promise<unknown>) => settled.push(promise.catch((thrown: unknown) => failures.push(thrown)));
  note(
    dialled.then((peer) => {
      for (const method of ['a', 'b', 'c']) note(peer.request({ method }));
      note(peer.ping());
      note(peer.closed.then((error) => checkExpected(error)));
    }),
  );
  pipe.deliver(random(8) === 0 ? mutant(validHello, random) : validHello, false);
  await Promise.resolve();
  await Promise.resolve();
  for (const chunk of pieces(changedFrame(random, fromServers), random)) pipe.deliver(chunk, random(2) === 0);
  pipe.destroy();
  for (let i = 0; i < settled.length; i++) await settled[i];
  for (const failure of failures) checkExpected(failure as CutpointError);
  const codes = failures.map((failure) => (failure as CutpointError).code);
  // In the end the connection is lost to all that were not answered.
  return codes.find((code) => code !== 'CUT_CONNECTION_LOST') ?? 'taken';
}
