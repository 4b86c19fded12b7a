import { cutTable } from './cut-table.js';
import type { DaemonProcess } from './daemon-process.js';
import { formatBytes } from './format.js';
import type { Plan } from './plan.js';
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
export function cutsStory({ model, table, used, pictures }: Plan, screen: Screen, chosen: boolean): string {
  const { cuts } = model.list;
  const [{ name, input }] = pictures;
  const weightBytes = cuts.at(-1)?.frontWeightBytes ?? 0;
  const inputBytes = input.data.byteLength;
  const why = chosen
    ? `Cut ${used.index} is used because the fewest bytes cross there of all the cuts that leave work to both sides`
    : `Cut ${used.index} is used because --at asks for it`;
  return (
    `${screen.colours.bold(`${table.length} of its ${cuts.length} cuts`)}\n\n` +
    paragraph(
      `Sizes are for ${name}, which the model sees ${input.shape[3]} pixels wide; a wider picture sends more. Of each ` +
        'eighth of the weights the table has the cut that the fewest bytes cross.',
      screen,
    ) +
    cutTable({ rows: table, used, weightBytes }, screen) +
    paragraph(`${why}: ${formatBytes(used.bytes)}, ${compare(used.bytes, inputBytes)} the picture itself.`, screen)
  );
}

function compare(bytes: number, inputBytes: number): string {
  if (bytes === 0) return 'nothing instead of';
  const [factor, word] = bytes < inputBytes ? [inputBytes / bytes, 'fewer'] : [bytes / inputBytes, 'more'];
  return `${factor.toFixed(1)} times ${word} than`;
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
