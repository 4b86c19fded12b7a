import { valueBytes } from '@cutpoint/graph';
import { cutTable } from './cut-table.js';
import type { DaemonProcess } from './daemon-process.js';
import { formatBytes } from './format.js';
import type { DemoOptions } from './options.js';
import { type Plan, widthOf } from './plan.js';
import { paragraph, type Screen } from './screen.js';

/** What will happen, in a few sentences. */
export function introduction(screen: Screen): string {
  return (
    `${screen.colours.bold('One model, two processes')}\n\n` +
    paragraph(
      'A model that reads a line of text from a picture (the recogniser of PP-OCRv4) is cut in two. An agent, the small ' +
        'machine near the camera, runs what lies before the cut. What crosses the cut travels over a WebSocket to a ' +
        'server, which runs the rest and sends the answer back. Here both are processes on this machine. Each picture ' +
        'is also read by the uncut model, and the two answers are compared.',
      screen,
    )
  );
}

/** Where the model can be cut, where it will be, and why there. */
export function cutsStory(plan: Plan, { at }: DemoOptions, screen: Screen): string {
  const { model, table, used, pictures } = plan;
  const { cuts, shapes } = model.list;
  const [first] = pictures;
  const weightBytes = cuts.at(-1)?.frontWeightBytes ?? 0;
  const answerBytes = model.outputs.reduce((sum, name) => sum + valueBytes(shapes, name), 0);
  const reason =
    at === undefined
      ? 'of all that leave work to both sides, it is the one that the fewest bytes cross'
      : '--at asks for it';
  return (
    `${screen.colours.bold(`${table.length} of its ${cuts.length} cuts`)}\n\n` +
    paragraph(
      `Sizes are for ${first.name}, which the model sees ${widthOf(first)} pixels wide. Cut 0 leaves everything to the ` +
        `server, cut ${cuts.length - 1} to the agent. For each eighth of the weights the table has the cheapest cut.`,
      screen,
    ) +
    cutTable({ rows: table, used, weightBytes }, screen) +
    paragraph(
      `Cut ${used.index} is used: ${reason}. ${formatBytes(used.bytes)} cross it, ` +
        `${compare(used.bytes, first.input.data.byteLength)} the picture has. The answer that comes back is the same for ` +
        `all cuts: ${formatBytes(answerBytes)} of probabilities, one for every character at every step.`,
      screen,
    )
  );
}

function compare(bytes: number, inputBytes: number): string {
  if (bytes === inputBytes) return 'as many as';
  return bytes < inputBytes
    ? `${(inputBytes / bytes).toFixed(1)} times fewer than`
    : `${(bytes / inputBytes).toFixed(1)} times as many as`;
}

/** Which processes run now, and how to read the bars. */
export function startedStory(
  { server, agent }: { server: DaemonProcess; agent: DaemonProcess },
  screen: Screen,
): string {
  const { colours } = screen;
  return (
    paragraph(`Started: server ${server.pid} at ${server.url}, agent ${agent.pid} at ${agent.url}.`, screen) +
    `${colours.bold('The pictures')}  whole █  split: agent ${colours.cyan('█')} link ${colours.yellow('░')} ` +
    `server ${colours.magenta('▒')}\n\n`
  );
}
