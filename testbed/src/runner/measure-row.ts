import { checkCrossing } from '@cutpoint/codec';
import { asCutpointError, CutpointError, median } from '@cutpoint/core';
import type { SplitChoice } from '@cutpoint/daemon';
import type { ModelProfile, PlanChoice, ProbedLink } from '@cutpoint/plan';
import { concreteInputs, randomInputs } from '@cutpoint/runtime';
import type { ResultRow } from '../report/results.js';
import type { LoadedScenario } from '../scenarios/load-scenario.js';
import { problemFor, type ScenarioModel } from '../scenarios/problem-for.js';
import type { ChosenPlan } from './choose-plans.js';
import type { Deployment } from './deployment.js';
import { measurePlan, type PlanMeasurement } from './measure-plan.js';
import { type Prediction, predict, scaledProfile } from './predict.js';
import type { Beat, Reference } from './reference.js';

/** What the plans of one model are measured with. */
export interface Bench {
  readonly loaded: LoadedScenario;
  readonly model: ScenarioModel;
  readonly deployment: Deployment;
  readonly reference: Reference;
  readonly profiles: Readonly<Record<string, ModelProfile>>;
  readonly probed: readonly ProbedLink[];
  readonly secondsEach: number;
  readonly signal: AbortSignal;
}

/** Beyond this the machine was too unlike what it was during the profile or at the other end of the run. */
const mostDrift = 0.05;
const mostRepeats = 2;
/** What took longer is not repeated: where links are so slow, the machine's speed counts for little. */
const longestRepeatedMs = 60_000;
const mostInFlight = 64;

interface Run {
  readonly measured: PlanMeasurement;
  /** How far the reference was apart in the two halves of a measurement, the worse of both. */
  readonly drift: number;
}

/**
 * Measures one plan with runs of the reference among its requests. Where the machine's speed changed meanwhile, it is
 * measured again, and the steadiest run counts. Predictions are for the speed the machine had during each measurement: the
 * profile's times, scaled as the reference was.
 */
export async function measureRow(bench: Bench, plan: ChosenPlan, label: string): Promise<ResultRow> {
  const runs: Run[] = [];
  let tookMs = 0;
  while (runs.length <= mostRepeats && runs.every(({ drift }) => drift > mostDrift) && tookMs < longestRepeatedMs) {
    const startedAt = performance.now();
    runs.push(await measureOnce(bench, plan.choice));
    tookMs = performance.now() - startedAt;
  }
  const [steadiest] = runs.sort((a, b) => a.drift - b.drift);
  if (steadiest === undefined) throw new CutpointError('CUT_INTERNAL', 'A plan was not measured.');
  return rowOf(bench, plan, label, steadiest.measured);
}

async function measureOnce(bench: Bench, choice: PlanChoice): Promise<Run> {
  const { loaded, model, deployment, reference, secondsEach, signal } = bench;
  const measured = await measurePlan({
    agents: await deployment.agentsFor(choice),
    choice: splitOf(choice, model),
    inputs: randomInputs(concreteInputs(model.cutModel.inputs, model.dims).inputs),
    // Times vary: with a few requests waiting before each stage, a slow one does not leave the next stage idle.
    requestsInFlight: Math.min(
      mostInFlight,
      predictAt(bench, choice, undefined).requestsInFlight + 3 * choice.devices.length,
    ),
    rateHz: loaded.scenario.load.rateHz,
    secondsEach,
    beat: () => reference.beat(),
    signal,
  });
  const { latencyBeats, throughputBeats } = measured;
  return { measured, drift: Math.max(driftOf(latencyBeats), driftOf(throughputBeats)) };
}

function driftOf(beats: readonly Beat[]): number {
  const middle = Math.ceil(beats.length / 2);
  const halves = [beats.slice(0, middle), beats.slice(middle)].map((half) => speedOf(half, median).elapsedMs);
  return Math.max(...halves) / Math.min(...halves) - 1;
}

/** The machine's speed over some beats. */
function speedOf(beats: readonly Beat[], middle: (values: readonly number[]) => number): Beat {
  return {
    elapsedMs: middle(beats.map(({ elapsedMs }) => elapsedMs)),
    processorMs: middle(beats.map(({ processorMs }) => processorMs)),
  };
}

/** The prediction for a machine of this speed; undefined: of the speed it had during the profile. */
function predictAt(
  { loaded, model, profiles, probed }: Bench,
  choice: PlanChoice,
  speed: Beat | undefined,
): Prediction {
  const scaled = loaded.scenario.devices.flatMap(({ id, slowDown }): [string, ModelProfile][] => {
    const profile = profiles[id];
    if (profile === undefined) return [];
    const { referenceMs } = profile.fit;
    const nowMs = slowDown > 1 ? speed?.processorMs : speed?.elapsedMs;
    return [[id, nowMs === undefined ? profile : scaledProfile(profile, nowMs / referenceMs)]];
  });
  return predict(problemFor(loaded, model, Object.fromEntries(scaled), probed), choice);
}

function rowOf(
  bench: Bench,
  { choice, why, heldOut }: ChosenPlan,
  label: string,
  measured: PlanMeasurement,
): ResultRow {
  const { devices } = bench.loaded.scenario;
  const speed = speedOf(measured.latencyBeats, median);
  const predicted = predictAt(bench, choice, speed);
  // A rate is an average over its time, so the machine's mean speed is what counts.
  const { throughputHz } = predictAt(bench, choice, speedOf(measured.throughputBeats, mean));
  return {
    model: bench.model.cutModel.file.name,
    plan: {
      devices: choice.devices.map((device) => devices[device]?.id ?? String(device)),
      cuts: [...choice.cuts],
      codecs: [...choice.codecs],
      label,
    },
    predicted: { latencyMs: predicted.latencyMs, throughputHz },
    measured: { latencyMs: measured.latencyMs, throughputHz: measured.throughputHz, p99Ms: measured.p99Ms },
    parts: {
      predicted: { computeMs: predicted.computeMs, linkMs: predicted.linkMs },
      measured: { computeMs: measured.computeMs, linkMs: measured.linkMs },
    },
    baseline: why === 'baseline',
    heldOut,
    referenceMs: speed.elapsedMs,
  };
}

/** The split as daemons know it: a device alone is cut behind the last node. */
function splitOf({ cuts, codecs }: PlanChoice, { cutModel }: ScenarioModel): SplitChoice {
  if (cuts.length === 0) return { at: [cutModel.list.cuts.length - 1], codecs: ['raw'] };
  return { at: [...cuts], codecs: codecs.map(codecOf) };
}

function codecOf(id: string): string {
  try {
    return checkCrossing(id);
  } catch (thrown) {
    throw asCutpointError(thrown, 'CUT_SCENARIO', 'The scenario names a codec that devices do not have');
  }
}

function mean(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0) / values.length;
}
