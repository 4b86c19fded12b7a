/** The tables of docs/language-model-losses.md from what was measured. */
export function render({ context, middle, frameBytes, atMiddle, leaks, grid }) {
  return [
    `## Codecs at cut ${middle}, f32 weights`,
    '',
    ...codecTable(atMiddle, context, frameBytes),
    '',
    '## Cuts, widths and codecs',
    '',
    ...gridTables(grid, context),
    '## What hidden states give away',
    '',
    ...leakTable(leaks),
  ].join('\n');
}

function codecTable(rows, context, { up, down }) {
  const raw = rows.find(({ codec }) => codec === 'raw');
  return [
    `All of the text (${raw.scored} tokens scored, windows of ${context}). Bytes of a token that crosses alone, as in decoding, and of one`,
    `of a prompt; headers of the codec are counted, frames of the wire are not (${up} bytes up and ${down} down for a token).`,
    '',
    '| codec | bytes a token | times smaller | of a prompt | perplexity | more, % |',
    '| --- | ---: | ---: | ---: | ---: | ---: |',
    ...rows.map(({ codec, perplexity, perToken, perPromptToken }) => {
      const more = 100 * (perplexity / raw.perplexity - 1);
      const times = raw.perToken / perToken;
      return `| \`${codec}\` | ${perToken.toFixed(1)} | ${times.toFixed(1)} | ${perPromptToken.toFixed(1)} | ${perplexity.toFixed(3)} | ${more.toFixed(2)} |`;
    }),
  ];
}

function gridTables({ scoredTokens, splits }, context) {
  const wholes = splits.filter(({ backWidth }) => backWidth === null);
  const lines = [
    `The first ${scoredTokens} scored tokens of the text, in windows of ${context}: perplexities are to be compared with one another alone.`,
    `Whole, by width: ${wholes.map(({ frontWidth, perplexity }) => `${frontWidth} ${perplexity.toFixed(2)}`).join(', ')}.`,
    '',
  ];
  const cutSplits = splits.filter(({ codec }) => codec !== null);
  for (const cut of new Set(cutSplits.map((split) => split.cut))) {
    const here = cutSplits.filter((split) => split.cut === cut);
    const codecs = [...new Set(here.map(({ codec }) => codec))];
    lines.push(`### Cut ${cut}`, '');
    lines.push(`| before | behind | ${codecs.map((codec) => `\`${shortSpec(codec)}\``).join(' | ')} |`);
    lines.push(`| --- | --- | ${codecs.map(() => '---:').join(' | ')} |`);
    const widths = new Set(here.map(({ frontWidth, backWidth }) => `${frontWidth} | ${backWidth}`));
    for (const pair of widths) {
      const cells = codecs.map((codec) => {
        const found = here.find((one) => one.codec === codec && `${one.frontWidth} | ${one.backWidth}` === pair);
        return `${found.perplexity.toFixed(2)}`;
      });
      lines.push(`| ${pair} | ${cells.join(' | ')} |`);
    }
    const bytes = codecs.map((codec) => here.find((one) => one.codec === codec).upBytes.toFixed(1));
    lines.push(`| *bytes a token* | | ${bytes.join(' | ')} |`, '');
  }
  return lines;
}

/** Tables have names of their own in each cut. */
function shortSpec(codec) {
  const [, step] = /^transform:table=.*-step([\d.]+)-/.exec(codec) ?? [];
  return step === undefined ? codec : `transform:step=${step}`;
}

function leakTable(leaks) {
  const cuts = leaks[0].cuts.map(({ cut }) => cut);
  const percent = (share) => `${(100 * share).toFixed(1)}`;
  return [
    `Share of ${leaks[0].cuts[0].tokens} tokens, in percent, that the nearest embedding tells: by the cosine to the hidden state, and`,
    'after the mean of all hidden states at that cut was taken away.',
    '',
    `| codec | attack | ${cuts.map((cut) => `cut ${cut}`).join(' | ')} |`,
    `| --- | --- | ${cuts.map(() => '---:').join(' | ')} |`,
    ...leaks.flatMap(({ codec, cuts: found }) => [
      `| \`${codec}\` | cosine | ${found.map(({ cosine }) => percent(cosine)).join(' | ')} |`,
      `| \`${codec}\` | mean taken away | ${found.map(({ centredCosine }) => percent(centredCosine)).join(' | ')} |`,
    ]),
  ];
}
