import {
  type DeviceId,
  deviceId,
  joinAsPage,
  type PageIdentity,
  type PageMember,
  type PageState,
} from '@cutpoint/control/browser';
import { asCutpointError } from '@cutpoint/core';
import type { Connection } from '../ui/connection.js';
import { element } from '../ui/elements.js';
import { DeployedPart } from './deployed-part.js';
import { dialGate } from './dial-gate.js';
import { JoinForm } from './join-form.js';
import { obey } from './obey.js';
import { PageDeployments } from './page-deployments.js';
import { factsOfPage, measurePage } from './page-facts.js';
import { openIdentity } from './page-identity.js';

export interface FleetViewOptions {
  /** What the fleet is called. */
  readonly name: string;
  readonly paired: boolean;
  readonly version: string;
  readonly connection: Connection;
}

/** What this browser was called when it joined, as long as it has not left. */
const joinedKey = 'cutpoint.joined';

/** The part of the page where its visitor has this browser join the fleet, and leave it. */
export class FleetView {
  readonly root: HTMLElement;
  readonly #options: FleetViewOptions;
  readonly #state = element('p', { className: 'place' });
  readonly #measuring = element('p', { className: 'place', hidden: true });
  readonly #form: JoinForm;
  readonly #leave = element('button', { type: 'button', textContent: 'Leave the fleet', hidden: true });
  readonly #deployed: DeployedPart;
  #identity: PageIdentity | undefined;
  #member: PageMember | undefined;
  #deployments: PageDeployments | undefined;
  #token: string | undefined;

  constructor(options: FleetViewOptions) {
    this.#options = options;
    this.#state.setAttribute('role', 'status');
    this.#measuring.setAttribute('role', 'status');
    this.#form = new JoinForm((wish) => void this.#join(wish.name, wish.code));
    this.#leave.onclick = () => this.#end();
    this.#deployed = new DeployedPart(() => options.connection.peer());
    const title = element('h2', {}, `This browser in the fleet ${options.name}`);
    this.root = element(
      'section',
      { className: 'fleet' },
      title,
      this.#state,
      this.#measuring,
      this.#form.root,
      this.#leave,
      this.#deployed.root,
    );
    // The fleet knows at once; what is restored from the browser's memory later joins again.
    addEventListener('pagehide', () => void this.#member?.leave());
    addEventListener('pageshow', ({ persisted }) => {
      if (persisted) void this.#begin();
    });
    void this.#begin();
  }

  /** As before, if this browser had joined; else it waits for its visitor. */
  async #begin(): Promise<void> {
    try {
      this.#identity = this.#options.paired ? await openIdentity() : unpaired;
    } catch (thrown) {
      this.#say(asCutpointError(thrown, 'CUT_INTERNAL'));
      return;
    }
    const before = localStorage.getItem(joinedKey);
    this.#form.needsCode = this.#options.paired && this.#identity.certificate === undefined;
    if (before !== null && !this.#form.needsCode) await this.#join(before, undefined);
    else
      this.#state.textContent =
        'It has not joined. The fleet then sees this browser, measures it, and may give it a part of a model to run.';
  }

  async #join(name: string, code: string | undefined): Promise<void> {
    const identity = this.#identity;
    if (identity === undefined) return;
    const wanted = deviceId.safeParse(name);
    if (!wanted.success && name !== '') {
      this.#state.textContent = 'A name has small letters, digits and dashes, such as anna-phone.';
      return;
    }
    localStorage.setItem(joinedKey, name);
    const deployments = new PageDeployments({
      token: () => this.#token,
      report: (report) => this.#member?.report(report),
      onActing: (fronts, generation) => this.#deployed.show(fronts, generation),
    });
    this.#deployments = deployments;
    this.#member = joinAsPage({
      dial: dialGate,
      identity,
      wish: { name: wanted.data as DeviceId | undefined, code },
      facts: await factsOfPage(this.#options.version),
      measure: () => measurePage(this.#deployed.requests),
      onDesired: (desired) => deployments.desire(desired),
      onGeneration: (generation) => deployments.lease(generation),
      onCommand: obey({
        peer: () => this.#options.connection.peer(),
        token: () => this.#token,
        onMeasuring: (what) => this.#showMeasuring(what),
      }),
      onState: (state) => this.#show(state),
      onProblem: (error) => this.#say(error),
    });
  }

  #end(): void {
    localStorage.removeItem(joinedKey);
    void this.#member?.leave();
  }

  #show(state: PageState): void {
    const isIn = state.kind === 'joined' || state.kind === 'away' || state.kind === 'joining';
    this.#form.root.hidden = isIn;
    this.#leave.hidden = !isIn;
    if (state.kind === 'joined') {
      this.#token = state.token;
      this.#options.connection.present(state.token);
      localStorage.setItem(joinedKey, state.device);
    }
    if (state.kind === 'refused' || state.kind === 'left')
      this.#over(state.kind === 'refused' && state.error.code !== 'CUT_CONNECTION_LOST');
    this.#state.dataset.state = state.kind;
    this.#state.textContent = textOf(state);
  }

  /** @param codeNeeded what it has proves nothing any more. */
  #over(codeNeeded: boolean): void {
    this.#deployments?.[Symbol.dispose]();
    this.#deployed.show([], undefined);
    this.#member = undefined;
    this.#form.needsCode = this.#options.paired && (codeNeeded || this.#identity?.certificate === undefined);
  }

  #showMeasuring(what: string | undefined): void {
    this.#measuring.hidden = what === undefined;
    this.#measuring.textContent = what ?? '';
  }

  #say({ message, code }: { message: string; code: string }): void {
    this.#state.textContent = `${message} (${code})`;
  }
}

/** Where devices are not paired, a name is all there is. */
const unpaired: PageIdentity = { key: '', sign: async () => '', certificate: undefined, keep: async () => undefined };

function textOf(state: PageState): string {
  switch (state.kind) {
    case 'joining':
      return 'Joining ...';
    case 'joined':
      return `Joined as ${state.device}.`;
    case 'away':
      return `${state.device} lost the fleet; it comes back by itself.`;
    case 'left':
      return 'It has left.';
    case 'refused':
      return `${state.error.message} (${state.error.code})`;
  }
}
