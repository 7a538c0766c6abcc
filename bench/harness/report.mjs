// What is printed and written at the end.
import { mkdirSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';

const goalText = ({ max, min } = {}) => (max !== undefined ? `<= ${max}` : min !== undefined ? `>= ${min}` : '');

/** True or false for a result with a goal, else undefined. */
function isMet({ value, goal }) {
  if (goal?.max !== undefined) return value <= goal.max;
  return goal?.min === undefined ? undefined : value >= goal.min;
}

function cellsOf(result) {
  if (result.failed) return [result.row, result.what, 'failed', '', '', result.failed];
  const met = isMet(result);
  const value = `${result.value.toPrecision(3)} ${result.unit}`;
  return [
    result.row,
    result.what,
    value,
    goalText(result.goal),
    met === undefined ? '' : met ? 'yes' : 'NO',
    result.detail,
  ];
}

/** Prints the table of all results. */
export function printTable(results) {
  const lines = [['row', 'what', 'value', 'goal', 'met', 'medians'], ...results.map(cellsOf)];
  const widths = lines[0].map((_cell, column) => Math.max(...lines.map((cells) => cells[column].length)));
  for (const cells of lines)
    console.log(
      cells
        .map((cell, column) => cell.padEnd(widths[column]))
        .join('  ')
        .trimEnd(),
    );
}

/** Writes the results with what they were measured on to <time>.json; returns the path. */
export function writeResults(results, options) {
  const at = new Date().toISOString();
  const file = path.join(options.results, `${at.replaceAll(':', '-').slice(0, 19)}.json`);
  const machine = { cores: os.cpus().length, model: os.cpus()[0]?.model, memory: os.totalmem(), kernel: os.release() };
  mkdirSync(options.results, { recursive: true });
  const judged = results.map((result) => ({ ...result, met: isMet(result) }));
  writeFileSync(file, `${JSON.stringify({ at, node: process.version, machine, options, results: judged }, null, 2)}\n`);
  return file;
}
