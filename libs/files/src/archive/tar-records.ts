import { isUtf8 } from 'node:buffer';
import { type RawName } from '../names/raw-name';
import { type EntryFacts } from './archive-writer';
import { blank } from './blank';

/**
 * Headers of the pax interchange format (POSIX.1-2017, pax, "pax Interchange Format"): ustar blocks, and before an
 * entry that ustar cannot hold a header of type `x` with the rest of what is to be said.
 */

export const BLOCK_BYTES = 512;

/** What kind of entry a header begins. */
export type TarType = '0' | '2' | '5' | 'x';

/** One entry of a tar archive. */
export interface TarEntry extends EntryFacts {
  type: TarType;
  size: number;
  /** What a link says. */
  text?: RawName;
}

const NAME_BYTES = 100;
const PREFIX_BYTES = 155;
/** Octal digits of size and mtime. */
const MAX_OCTAL = 8n ** 11n - 1n;
const NANO = 1_000_000_000n;

const NOT_ASCII = /[^\x00-\x7f]/; // eslint-disable-line no-control-regex -- the range is meant

/** The extended header that an entry needs, its blocks and those of its content; undefined where ustar says it all. */
export function paxHeader(entry: TarEntry, number: number): Buffer | undefined {
  const records: Buffer[] = [];
  const add = (key: string, value: RawName) => records.push(paxRecord(key, value));
  const named = needsRecord(entry.path, splitPath(entry.path) !== undefined);
  const linked = entry.text !== undefined && needsRecord(entry.text, entry.text.length <= NAME_BYTES);
  // Names in pax records are UTF-8 unless this says that they are just bytes.
  if ((named && !isText(entry.path)) || (linked && !isText(entry.text!))) add('hdrcharset', 'BINARY');
  if (named) add('path', entry.path);
  if (linked) add('linkpath', entry.text!);
  if (BigInt(entry.size) > MAX_OCTAL) add('size', String(entry.size));
  if (entry.mtimeNs < 0n || entry.mtimeNs % NANO !== 0n || entry.mtimeNs / NANO > MAX_OCTAL) {
    add('mtime', decimalSeconds(entry.mtimeNs));
  }
  if (records.length === 0) return undefined;
  const content = Buffer.concat(records);
  const facts = { path: `PaxHeaders/${number}`, mode: 0o644, mtimeNs: 0n };
  const header = ustarHeader({ ...facts, type: 'x', size: content.length }, number);
  return Buffer.concat([header, content, blank(padding(content.length))]);
}

/** Names that are not ASCII go where readers agree on their encoding; bytes without one stay where they are just bytes. */
function needsRecord(name: RawName, fits: boolean): boolean {
  return !fits || (NOT_ASCII.test(name) && isText(name));
}

function isText(name: RawName): boolean {
  return isUtf8(Buffer.from(name, 'latin1'));
}

/** `<length> <key>=<value>\n`, where the length counts itself. */
function paxRecord(key: string, value: RawName): Buffer {
  const rest = ` ${key}=${value}\n`;
  let length = rest.length;
  while (String(length).length + rest.length > length) length = String(length).length + rest.length;
  return Buffer.from(`${length}${rest}`, 'latin1');
}

function decimalSeconds(nanoseconds: bigint): string {
  const sign = nanoseconds < 0n ? '-' : '';
  const size = nanoseconds < 0n ? -nanoseconds : nanoseconds;
  const fraction = String(size % NANO).padStart(9, '0');
  return `${sign}${size / NANO}.${fraction}`.replace(/\.?0+$/, '');
}

/** A ustar header block; what does not fit is left to the extended header before it. */
export function ustarHeader(entry: TarEntry, number: number): Buffer {
  const block = blank(BLOCK_BYTES);
  // Never a part of a long path: it could end with "..", or be another entry's.
  const [prefix, name] = splitPath(entry.path) ?? ['', `PaxEntry/${number}`];
  block.write(name, 0, 'latin1');
  writeOctal(block, 100, 8, BigInt(entry.mode));
  writeOctal(block, 108, 8, 0n);
  writeOctal(block, 116, 8, 0n);
  writeOctal(block, 124, 12, clamp(BigInt(entry.size)));
  writeOctal(block, 136, 12, clamp(entry.mtimeNs / NANO));
  block.fill(' ', 148, 156);
  block.write(entry.type, 156, 'latin1');
  // Also a part of a long one, since bsdtar takes a link without a text here for a file.
  if (entry.text !== undefined) block.write(entry.text.slice(0, NAME_BYTES), 157, 'latin1');
  block.write('ustar\x0000', 257, 'latin1');
  block.write(prefix, 345, 'latin1');
  let sum = 0;
  for (let index = 0; index < BLOCK_BYTES; index += 1) sum += block[index]!;
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return block;
}

function clamp(value: bigint): bigint {
  if (value < 0n) return 0n;
  return value > MAX_OCTAL ? 0n : value;
}

function writeOctal(block: Buffer, at: number, width: number, value: bigint): void {
  block.write(value.toString(8).padStart(width - 1, '0'), at, 'latin1');
}

/** Prefix and name of a ustar header, or undefined for a path that is too long for both. */
function splitPath(path: RawName): [prefix: RawName, name: RawName] | undefined {
  if (path.length <= NAME_BYTES) return ['', path];
  // The name as long as it can be; a directory's last slash belongs to it.
  const slash = path.indexOf('/', path.length - NAME_BYTES - 1);
  if (slash < 1 || slash > PREFIX_BYTES || slash === path.length - 1) return undefined;
  return [path.slice(0, slash), path.slice(slash + 1)];
}

/** Bytes that fill the last block of so much content. */
export function padding(size: number): number {
  return (BLOCK_BYTES - (size % BLOCK_BYTES)) % BLOCK_BYTES;
}
