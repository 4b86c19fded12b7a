// The tables of docs/codecs.md from what was measured.
import { rateAccuracyFront, recommend } from '../../packages/plan/dist/index.js';

/** What a recommended codec may lose. */
const maxLoss = 0.02;
/** Pictures that every cut is compared with. */
const rivals = ['image:format=webp,quality=97', 'image:format=jpeg,quality=95'];
/** Codecs whose bytes are at most this far apart, as a ratio, stand side by side. */
const nearEnough = 1.1;

/** @param models what the tables are of; @param measured of each what `measureModel` gave, or undefined. */
export function render(models, measured) {
  return models.flatMap((model, i) => (measured[i] ? [modelText(model, measured[i])] : [])).join('\n');
}

function modelText({ file, cuts, unlabelled }, { samples, cuts: found }) {
  const known = cuts.flatMap(({ index, codecs }) => (found[index] ? [cutOf(index, codecs, found[index])] : []));
  const pictures = known.find(({ index }) => index === 0)?.rows.filter(({ codec }) => codec.startsWith('image:')) ?? [];
  const counts = known.flatMap(({ rows }) => rows.map(({ n }) => n));
  const [least, most] = [Math.min(...counts), Math.max(...counts)];
  const top1 = known[0]?.rows[0]?.top1Whole;
  const whole = unlabelled ?? `Uncut it is right in ${percent(top1)} %.`;
  const n = least === most ? String(least) : `${least} to ${most}, as the column n says,`;
  const inner = known.filter(({ index }) => index > 0);
  return [
    `### ${file}\n\nMeasured on ${n} of ${samples} samples. ${whole}\n`,
    ...(pictures.length === 0 || inner.length === 0 ? [] : [verdict(inner, pictures)]),
    ...known.map((cut) =>
      cutText(cut, cut.index === 0 ? [] : pictures, { labelled: !unlabelled, varies: least < most }),
    ),
  ].join('\n');
}

function cutOf(index, codecs, { rows, ...cut }) {
  const known = codecs.flatMap((codec) => (rows[codec] ? [{ codec, ...rows[codec] }] : []));
  return { index, ...cut, rows: known.sort((a, b) => b.bytesPerSample - a.bytesPerSample) };
}

/** Where pictures of the input win, and by how much: bytes at no less agreement. */
function verdict(cuts, pictures) {
  const lines = rivals.flatMap((codec) => {
    const picture = pictures.find((row) => row.codec === codec);
    return picture
      ? [
          `- ${nameOf(codec)} takes ${Math.round(picture.bytesPerSample)} bytes and agrees in ${agreement(picture)} %. To agree at least as often, ${cuts.map((cut) => against(cut, picture)).join('; ')}.\n`,
        ]
      : [];
  });
  return `Against pictures of the input:\n\n${lines.join('')}${cuts.map((cut) => unbeaten(cut, pictures)).join('')}`;
}

function against({ index, shape, rows }, picture) {
  const good = rows.filter((row) => row.agreement >= picture.agreement);
  const best = good.sort((a, b) => a.bytesPerSample - b.bytesPerSample)[0];
  if (best === undefined) return `no codec suffices at cut ${index}`;
  const ratio = picture.bytesPerSample / best.bytesPerSample;
  const factor =
    ratio >= 1 ? `${ratio.toFixed(1)} times fewer` : `${(1 / ratio).toFixed(1)} times more: the picture wins`;
  return `cut ${index} (${shape}) needs ${Math.round(best.bytesPerSample)} bytes with \`${best.codec}\` (${agreement(best)} %), ${factor}`;
}

/** Pictures that no codec at the cut beats. */
function unbeaten({ index, shape, rows }, pictures) {
  const left = pictures.filter(
    (picture) =>
      !rows.some((row) => row.bytesPerSample <= picture.bytesPerSample && row.agreement >= picture.agreement),
  );
  const names = left.map(({ codec }) => nameOf(codec));
  const some = `Not beaten: ${names.join(', ')}. All others are`;
  const what = left.length === 0 ? 'Every picture here is beaten' : some;
  const where = `at cut ${index} (${shape})`;
  return left.length === pictures.length
    ? `- No codec ${where} beats any picture here: pictures win.\n`
    : `- ${what} by some codec ${where}: no more bytes, no less agreement.\n`;
}

function cutText({ index, name, shape, bytes, rows }, pictures, { labelled, varies }) {
  const front = rateAccuracyFront(rows);
  const recommended = recommend(front, maxLoss);
  const columns = ['codec', ...(varies ? ['n'] : []), 'bytes', 'times smaller', 'agreement, %'];
  columns.push(...(labelled ? ['drop, points'] : []), 'divergence');
  const lines = [...rows, ...pictures]
    .sort((a, b) => b.bytesPerSample - a.bytesPerSample)
    .map((row) => {
      const isInput = pictures.includes(row);
      const mark = row === recommended ? ' **recommended**' : front.includes(row) ? ' *front*' : '';
      return [
        isInput ? `*the input as ${nameOf(row.codec)}*` : `\`${row.codec}\`${mark}`,
        ...(varies ? [row.n] : []),
        Math.round(row.bytesPerSample),
        isInput ? '' : (bytes / row.bytesPerSample).toFixed(1),
        agreement(row),
        ...(labelled ? [`${percent(row.top1Drop)} ± ${percent(row.top1DropStderr ?? 0)}`] : []),
        row.klDivergence.toPrecision(2),
      ];
    });
  const place = index === 0 ? 'the input' : `after ${name}`;
  return `Cut ${index}, ${place}: ${shape}, ${bytes} bytes.\n\n${table(columns, lines)}${sideBySide(rows)}`;
}

/** Each `ts-tabq` beside the `affine` and the `transform` that take about as many bytes. */
function sideBySide(rows) {
  const lines = startingWith('ts-tabq', rows).flatMap((row) => {
    const beside = ['affine', 'transform'].map((name) => nearest(row, startingWith(name, rows)));
    if (beside[0] === undefined) return [];
    return [[row, ...beside].flatMap((one) => (one ? [cell(one), agreement(one)] : ['', '']))];
  });
  if (lines.length === 0) return '';
  const columns = ['ts-tabq', 'agreement, %', 'affine', 'agreement, %', 'transform', 'agreement, %'];
  return `\nAt about equal bytes:\n\n${table(columns, lines)}`;
}

function startingWith(name, rows) {
  return rows.filter(({ codec }) => codec.startsWith(name));
}

function nearest({ bytesPerSample }, rows) {
  const apart = (row) => Math.abs(Math.log(row.bytesPerSample / bytesPerSample));
  const [best] = [...rows].sort((a, b) => apart(a) - apart(b));
  return best !== undefined && apart(best) <= Math.log(nearEnough) ? best : undefined;
}

function cell({ codec, bytesPerSample }) {
  return `\`${codec}\`, ${Math.round(bytesPerSample)} bytes`;
}

function table(columns, lines) {
  const rule = columns.map((_, i) => (i === 0 ? '---' : '---:'));
  return [columns, rule, ...lines].map((cells) => `| ${cells.join(' | ')} |\n`).join('');
}

/** `image:format=jpeg,quality=95,chroma=444` as people say it: jpeg 95 4:4:4. */
function nameOf(codec) {
  const [, format, quality, full] = /format=(\w+),quality=(\d+)(,chroma=444)?/.exec(codec) ?? [];
  return `${format} ${quality}${full ? ' 4:4:4' : ''}`;
}

function agreement(row) {
  return `${percent(row.agreement)} ± ${percent(row.agreementStderr ?? 0)}`;
}

function percent(share) {
  return (share * 100).toFixed(1);
}
