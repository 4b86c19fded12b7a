import { tableNamed } from '@cutpoint/codec';
import { tablesFolderOf } from '@cutpoint/daemon';
import { usualAnswerCodec } from '@cutpoint/llm';
import { type LlmExplanation, type LlmFront, type LlmPlan, llmExplanationText } from '@cutpoint/plan';
import { table } from '../output/table.js';
import { byteColumn, msColumn } from '../output/units.js';

export interface LlmPlanReport {
  readonly folder: string;
  /** The file that was planned with. */
  readonly calibration: string;
  /** Of the package in the folder. */
  readonly width: string | undefined;
  readonly front: LlmFront;
  readonly pick: LlmPlan;
  readonly explanation: LlmExplanation;
  /** The server was not measured: what was measured on the agent stands for it. */
  readonly isSameDevice: boolean;
}

/** Lines of a front that are of use on a screen. */
const mostShown = 20;

/** The front with the pick marked, why it is picked, and how to run it. */
export function llmPlanText(report: LlmPlanReport): string {
  const { front, pick, explanation, isSameDevice } = report;
  const note = isSameDevice
    ? 'note: the server counts as fast as the agent: --server-calibration says how fast it is.\n'
    : '';
  return [frontTable(front, pick), note, '\n', llmExplanationText(explanation), '\n', howToRun(report)].join('');
}

function frontTable(front: LlmFront, pick: LlmPlan): string {
  const all = front.points.map(({ plans: [first] }) => first);
  const first = all.slice(0, mostShown);
  const plans = first.includes(pick) ? first : [pick, ...first.slice(0, mostShown - 1)];
  const token = msColumn(plans.map(({ tokenMs }) => tokenMs));
  const prompt = msColumn(plans.map(({ firstTokenMs }) => firstTokenMs));
  const agent = byteColumn(plans.map(({ agentMemoryBytes }) => Math.round(agentMemoryBytes)));
  const server = byteColumn(plans.map(({ serverMemoryBytes }) => Math.round(serverMemoryBytes)));
  const bytes = byteColumn(plans.map(({ tokenBytes }) => Math.round(tokenBytes)));
  const rows = plans.map((plan, i) => [
    plan === pick ? '>' : '',
    planName(plan),
    token[i] ?? '',
    prompt[i] ?? '',
    agent[i] ?? '',
    server[i] ?? '',
    bytes[i] ?? '',
    plan.perplexity.toFixed(2),
    String(plan.longestTokens),
  ]);
  const right = ['token', 'first token', 'agent', 'server', 'on the wire', 'perplexity', 'longest text'];
  const columns = [{ name: '' }, { name: 'plan' }, ...right.map((name) => ({ name, align: 'right' as const }))];
  const more = all.length > plans.length ? `, ${all.length - plans.length} more with --json` : '';
  const legend = `> the pick   front of ${all.length} out of ${front.feasible} plans within the limits, ${front.candidates} in all${more}\n`;
  return table(columns, rows) + legend;
}

/** `4 layers in 8 | affine:bits=4,per=token | rest in 4`. */
function planName({ cut, frontWidth, backWidth, codec, answerCodec, cache, cached }: LlmPlan): string {
  const uses = `${cache === 'f32' ? '' : `, caches in ${cache}`}${cached === 'everywhere' ? '' : ', none here'}`;
  if (backWidth === null) return `all here in ${frontWidth}${uses}`;
  if (cut === 0 && answerCodec === null) return `all at the server in ${backWidth}${uses}`;
  const back = answerCodec === null ? '' : ` | back by ${answerCodec}`;
  return `${cut} layers in ${frontWidth} | ${codec} | rest in ${backWidth}${back}${uses}`;
}

/** The commands that run a pick, where there is one command for each side. */
function howToRun({ folder, calibration, width: own, pick }: LlmPlanReport): string {
  const { cut, frontWidth, backWidth, codec, answerCodec, cache, cached } = pick;
  const packageOf = (width: string | null) => (width === own ? folder : `PACKAGE-OF-WIDTH-${width}`);
  const generate = `cutpoint llm generate ${packageOf(frontWidth ?? backWidth)} --prompt TEXT`;
  const caches = cache === 'f32' ? '' : ` --cache ${cache}`;
  if (backWidth === null) return `To run it:\n  ${generate}${caches}\n`;
  const crossing = codec === null ? '' : ` --codec ${codec}`;
  const needsTable = codec !== null && tableNamed(codec) !== undefined;
  const tables = needsTable ? ` --codec-tables ${tablesFolderOf(calibration)}` : '';
  const usual = codec === null ? null : usualAnswerCodec(codec);
  const answers = answerCodec === usual ? '' : ` --answer-codec ${answerCodec}`;
  const hides = answerCodec === null ? '' : ` --private${answers}`;
  const more = `${hides}${cached === 'everywhere' ? caches : ' --cache none'}`;
  return `To run it:
  at the server  cutpoint serve ${packageOf(backWidth)}${caches}
  here           ${generate} --at ${cut} --server URL${crossing}${tables}${more}
`;
}
