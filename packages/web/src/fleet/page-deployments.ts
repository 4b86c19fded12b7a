import {
  type Assignment,
  type AssignmentState,
  type DesiredState,
  type Generation,
  type Report,
  splitFileName,
} from '@cutpoint/control/browser';
import { asCutpointError, CutpointError } from '@cutpoint/core';
import { parseSegmentsFile } from '@cutpoint/runtime/browser';
import { fetchContent } from '../files/fetch-content.js';
import { FrontRunner } from '../split/front-runner.js';
import { StandingRunner } from './standing-runner.js';

/** A deployment whose front segment is ready in this page. */
export interface ReadyFront extends Disposable {
  readonly assignment: Assignment;
  /** Where the model is cut, by which codec, and who goes on. */
  readonly at: readonly number[];
  readonly codecs: readonly string[];
  readonly chain: readonly string[];
  /** Loaded, and loaded again where it has died. @throws CutpointError what fetching and loading throw */
  readonly runner: () => Promise<FrontRunner>;
}

export interface PageDeploymentsOptions {
  readonly token: () => string | undefined;
  readonly report: (report: Report) => void;
  /** What requests can begin for by now, and under which generation. */
  readonly onActing: (fronts: readonly ReadyFront[], generation: Generation) => void;
}

interface Prepared {
  readonly generation: Generation;
  readonly fronts: readonly ReadyFront[];
}

const fetchMs = 10 * 60_000;

/**
 * What was deployed to this page: a new generation is made ready beside the one that it acts on, and taken up when a lease names it. Of
 * each ladder it takes the first rung.
 */
export class PageDeployments implements Disposable {
  readonly #options: PageDeploymentsOptions;
  #wanted: Generation | undefined;
  #leased: Generation | undefined;
  #acting: Prepared | undefined;
  #ready: Prepared | undefined;
  #states: AssignmentState[] = [];
  #stop = new AbortController();

  constructor(options: PageDeploymentsOptions) {
    this.#options = options;
  }

  /** What this page shall have ready. Resolves once that is begun. */
  desire({ generation, assignments }: DesiredState): void {
    this.#stop.abort(new CutpointError('CUT_CANCELLED', `Generation ${generation} is desired by now.`));
    this.#stop = new AbortController();
    this.#wanted = generation;
    this.#states = assignments.map(({ deployment }) => ({ deployment, phase: 'fetching' }));
    this.#tell();
    void this.#prepare(generation, assignments, this.#stop.signal);
  }

  /** The generation that a lease names: what is ready up to it is acted on from now on. */
  lease(generation: Generation): void {
    this.#leased = generation;
    this.#follow();
  }

  [Symbol.dispose](): void {
    this.#stop.abort(new CutpointError('CUT_CANCELLED', 'The page left the fleet.'));
    for (const set of [this.#acting, this.#ready]) release(set);
  }

  async #prepare(generation: Generation, assignments: readonly Assignment[], signal: AbortSignal): Promise<void> {
    const fronts: ReadyFront[] = [];
    for (const [i, assignment] of assignments.entries()) {
      const { deployment } = assignment;
      try {
        fronts.push(await loadFront(assignment, this.#options.token(), signal));
        if (signal.aborted) break;
        this.#states[i] = { deployment, phase: 'ready' };
      } catch (thrown) {
        if (signal.aborted) break;
        const { code, message } = asCutpointError(thrown, 'CUT_INTERNAL');
        this.#states[i] = { deployment, phase: 'failed', problem: { code, message: message.slice(0, 2000) } };
        this.#tell();
        release({ generation, fronts });
        return;
      }
      this.#tell();
    }
    if (signal.aborted) return release({ generation, fronts });
    release(this.#ready);
    this.#ready = { generation, fronts };
    this.#follow();
  }

  #follow(): void {
    const ready = this.#ready;
    if (ready !== undefined && this.#leased !== undefined && ready.generation <= this.#leased) {
      release(this.#acting);
      this.#acting = ready;
      this.#ready = undefined;
      this.#options.onActing(ready.fronts, ready.generation);
    }
    this.#tell();
  }

  #tell(): void {
    this.#options.report({
      ...(this.#acting !== undefined && { active: this.#acting.generation }),
      ...(this.#wanted !== undefined && { wanted: this.#wanted }),
      assignments: this.#states.map((state) => ({ ...state })),
    });
  }
}

function release(set: Prepared | undefined): void {
  for (const front of set?.fronts ?? []) front[Symbol.dispose]();
}

/** Fetches and loads what a request needs that begins here. @throws CutpointError CUT_DEPLOYMENT, and what fetching and loading throw */
async function loadFront(assignment: Assignment, token: string | undefined, signal: AbortSignal): Promise<ReadyFront> {
  const [rung] = assignment.ladder;
  if (rung === undefined)
    throw new CutpointError('CUT_DEPLOYMENT', 'Requests can only begin at a page: nobody reaches it.');
  const { at, codecs, chain } = rung;
  const limit = AbortSignal.any([signal, AbortSignal.timeout(fetchMs)]);
  const named = (file: string) => splitFileName(at, file);
  const description = assignment.files.find(({ name }) => name === named('segments.json'));
  const first = assignment.segments.find(({ file }) => file.name === named('segment-0.onnx'));
  if (assignment.files.some(({ name }) => name === named('segment-0.onnx.data'))) {
    throw new CutpointError(
      'CUT_EXTERNAL_DATA',
      'A page cannot load a segment whose weights lie in a file beside it: cut earlier.',
    );
  }
  if (description === undefined)
    throw new CutpointError('CUT_DEPLOYMENT', 'The deployment does not describe its segments.');
  const text = new TextDecoder().decode(await fetchContent(description, { token, signal: limit }));
  const [described] = parseSegmentsFile(text, description.name).segments;
  if (described === undefined) throw new CutpointError('CUT_DEPLOYMENT', 'The deployment describes no segment.');
  const load = async (ends: AbortSignal) => {
    const model = first === undefined ? null : await fetchContent(first.file, { token, signal: ends });
    return await FrontRunner.load(model, described, 'wasm', ends);
  };
  const standing = new StandingRunner(await load(limit), load);
  return {
    ...{ assignment, at, codecs, chain },
    runner: () => standing.take(),
    [Symbol.dispose]: () => standing[Symbol.dispose](),
  };
}
