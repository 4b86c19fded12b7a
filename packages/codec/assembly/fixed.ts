/** Symbols under distributions that are sent before them; defined in src/entropy/fixed.ts. */
import { writeTables } from './sent-table';
import { countCells, findCells } from './symbol-cells';
import { encodeCells } from './symbols';
import { binStarts, byClass, byNeighbours, cheapestWay, chooseBins, contextsOf, countsOf } from './ways';

/** The number of the method without dependence; that of a way is added. */
const firstMethod = 2;
const laneCount = 4;

/** Writes classes in turn. */
export function putTurns(classes: usize, count: i32, most: i32): void {
  for (let i = 0, inTurn = 0; i < count; i++) {
    store<u8>(classes + i, inTurn);
    if (++inTurn === most) inTurn = 0;
  }
}

/**
 * @param own the classes of the symbols, 0 if there is one
 * @param lanes room for the symbols and before each lane for `left` or `up` more, whichever is more, but no more than a lane is long
 * @param cells room for two bytes for each symbol; here and below a cell is one of 16 * `classes` contexts and the alphabet
 * @param counts room for eight bytes for each cell, `frequencies` for two, `models`, `ops` and `tablesEnd` see `writeTables`
 * @param entries room for sixteen bytes for each cell
 * @param end where the bytes shall end; up to two for each symbol and those of the tables and 32 more are written
 * @returns where they begin
 */
export function encodeFixed(
  symbols: usize,
  count: i32,
  own: usize,
  classes: i32,
  alphabet: i32,
  left: i32,
  up: i32,
  lanes: usize,
  cells: usize,
  counts: usize,
  frequencies: usize,
  models: usize,
  ops: usize,
  tablesEnd: usize,
  entries: usize,
  end: usize,
): usize {
  const length = count / laneCount;
  const neighbours = chooseBins(symbols, count, alphabet, classes, counts);
  const margin = neighbours ? min(length, max(left, up)) : 0;
  putLanes(symbols, length, margin, lanes);
  const all = (classes > 1 ? byClass : 0) | (neighbours ? byNeighbours : 0);
  findAll(all, lanes, length, margin, own, left, up, alphabet, cells);
  const cellsInAll = contextsOf(all, classes) * alphabet;
  countCells(cells, laneCount * length, cellsInAll, counts, counts + ((<usize>cellsInAll) << 2));
  const way = cheapestWay(counts, classes, neighbours, alphabet);
  const contexts = contextsOf(way, classes);
  const sums = countsOf(way, counts, classes, neighbours, alphabet);
  const tables = writeTables(sums, contexts, alphabet, frequencies, models, ops, tablesEnd);
  if (way !== all) findAll(way, lanes, length, margin, own, left, up, alphabet, cells);
  const to = encodeCells(cells, length, (<usize>length) << 1, contexts, alphabet, frequencies, entries, end);
  const rest = count - laneCount * length;
  return putHead(way, tables, tablesEnd, putBytes(symbols + laneCount * length, rest, to));
}

/** Copies the symbols of each lane behind `margin` zeros. */
function putLanes(symbols: usize, length: i32, margin: i32, lanes: usize): void {
  for (let lane = 0; lane < laneCount; lane++, symbols += length, lanes += length + margin) {
    memory.fill(lanes, 0, margin);
    memory.copy(lanes + margin, symbols, length);
  }
}

/** Writes the cells of all symbols, lane after lane. */
function findAll(
  way: i32,
  lanes: usize,
  length: i32,
  margin: i32,
  own: usize,
  left: i32,
  up: i32,
  alphabet: i32,
  cells: usize,
): void {
  const starts: usize = way & byNeighbours ? binStarts : 0;
  let classes: usize = way & byClass ? own : 0;
  for (let lane = 0; lane < laneCount; lane++, cells += (<usize>length) << 1) {
    lanes += margin;
    findCells(lanes, length, classes, min(left, margin), min(up, margin), starts, alphabet, cells);
    lanes += length;
    if (classes) classes += length;
  }
}

/** Puts bytes before `to`. @returns where they begin */
function putBytes(from: usize, count: i32, to: usize): usize {
  to -= count;
  memory.copy(to, from, count);
  return to;
}

/** Puts what comes before the symbols: the method, where bins start, and the tables after their length. @returns where it begins */
function putHead(way: i32, tables: usize, tablesEnd: usize, to: usize): usize {
  const tableBytes = <i32>(tablesEnd - tables);
  to = putBytes(tables, tableBytes, to);
  // Seven bits a byte, the lowest first, the top bit set on all but the last.
  const last = max(0, (31 - clz<i32>(tableBytes)) / 7);
  for (let i = last; i >= 0; i--) store<u8>(--to, ((tableBytes >>> (7 * i)) & 0x7f) | (i < last ? 0x80 : 0));
  if (way & byNeighbours) to = putBytes(binStarts, 3, to);
  store<u8>(--to, firstMethod + way);
  return to;
}
