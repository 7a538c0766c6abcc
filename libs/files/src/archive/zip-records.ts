import { blank } from './blank';

/**
 * Records of a zip archive (APPNOTE.TXT 6.3, sections 4.3 to 4.5), always: method stored, names in UTF-8, made by Unix.
 */

/** One entry as its headers tell it. */
export interface ZipEntry {
  /** UTF-8; a directory's ends with a slash. */
  name: Buffer;
  /** File type and permission bits, as in `st_mode`. */
  mode: number;
  mtimeNs: bigint;
  size: number;
  /** Where its local header begins. */
  offset: number;
  /** CRC-32 of the content; undefined while only the data descriptor behind the content will tell it. */
  crc: number | undefined;
  /** True when a data descriptor follows the content. */
  described: boolean;
}

/** Longest name in bytes. */
export const MAX_NAME_BYTES = 0xffff;

const MAX_16 = 0xffff;
/** As a size or an offset: look into the zip64 field. */
const MAX_32 = 0xffffffff;

const VERSION_STORED = 20;
const VERSION_ZIP64 = 45;
const MADE_BY_UNIX = 3 << 8;
const FLAG_DESCRIPTOR = 1 << 3;
const FLAG_UTF8 = 1 << 11;
const DIRECTORY_BIT = 0x10;
const TYPE_MASK = 0o170000;
export const TYPE_FILE = 0o100000;
export const TYPE_DIRECTORY = 0o040000;
export const TYPE_LINK = 0o120000;

/**
 * The header before an entry's content. The size stands in it in any case: a reader that streams then knows where a
 * stored entry ends although its checksum follows later.
 */
export function localHeader(entry: ZipEntry): Buffer {
  const large = entry.size >= MAX_32;
  const extra = Buffer.concat([large ? zip64Field([entry.size, entry.size]) : NOTHING, timeField(entry.mtimeNs)]);
  const header = blank(30);
  header.writeUInt32LE(0x04034b50, 0);
  writeCommon(header, 4, entry, large, extra.length);
  return Buffer.concat([header, entry.name, extra]);
}

/** What follows the content of an entry whose checksum was not known before. */
export function dataDescriptor(entry: ZipEntry): Buffer {
  const large = entry.size >= MAX_32;
  const record = blank(large ? 24 : 16);
  record.writeUInt32LE(0x08074b50, 0);
  record.writeUInt32LE(entry.crc ?? 0, 4);
  for (const index of [0, 1]) {
    if (large) record.writeBigUInt64LE(BigInt(entry.size), 8 + 8 * index);
    else record.writeUInt32LE(entry.size, 8 + 4 * index);
  }
  return record;
}

/** The entry in the central directory. */
export function centralRecord(entry: ZipEntry): Buffer {
  const values: number[] = [];
  if (entry.size >= MAX_32) values.push(entry.size, entry.size);
  if (entry.offset >= MAX_32) values.push(entry.offset);
  const extra = Buffer.concat([values.length > 0 ? zip64Field(values) : NOTHING, timeField(entry.mtimeNs)]);
  const header = blank(46);
  header.writeUInt32LE(0x02014b50, 0);
  header.writeUInt16LE(MADE_BY_UNIX | VERSION_ZIP64, 4);
  writeCommon(header, 6, entry, values.length > 0, extra.length);
  const isDirectory = (entry.mode & TYPE_MASK) === TYPE_DIRECTORY;
  header.writeUInt32LE(((entry.mode << 16) | (isDirectory ? DIRECTORY_BIT : 0)) >>> 0, 38);
  header.writeUInt32LE(Math.min(entry.offset, MAX_32), 42);
  return Buffer.concat([header, entry.name, extra]);
}

/** The archive's end; `offset` and `size` are those of the central directory. */
export function endRecords(entries: number, size: number, offset: number): Buffer {
  const end = blank(22);
  end.writeUInt32LE(0x06054b50, 0);
  end.writeUInt16LE(Math.min(entries, MAX_16), 8);
  end.writeUInt16LE(Math.min(entries, MAX_16), 10);
  end.writeUInt32LE(Math.min(size, MAX_32), 12);
  end.writeUInt32LE(Math.min(offset, MAX_32), 16);
  if (entries < MAX_16 && size < MAX_32 && offset < MAX_32) return end;
  const end64 = blank(56);
  end64.writeUInt32LE(0x06064b50, 0);
  end64.writeBigUInt64LE(44n, 4);
  end64.writeUInt16LE(MADE_BY_UNIX | VERSION_ZIP64, 12);
  end64.writeUInt16LE(VERSION_ZIP64, 14);
  end64.writeBigUInt64LE(BigInt(entries), 24);
  end64.writeBigUInt64LE(BigInt(entries), 32);
  end64.writeBigUInt64LE(BigInt(size), 40);
  end64.writeBigUInt64LE(BigInt(offset), 48);
  const locator = blank(20);
  locator.writeUInt32LE(0x07064b50, 0);
  locator.writeBigUInt64LE(BigInt(offset + size), 8);
  locator.writeUInt32LE(1, 16);
  return Buffer.concat([end64, locator, end]);
}

/** The 26 bytes that local and central headers have in common, from the needed version to the length of the extras. */
function writeCommon(header: Buffer, at: number, entry: ZipEntry, zip64: boolean, extraBytes: number): void {
  const { date, time } = dosTime(entry.mtimeNs);
  header.writeUInt16LE(zip64 ? VERSION_ZIP64 : VERSION_STORED, at);
  header.writeUInt16LE(FLAG_UTF8 | (entry.described ? FLAG_DESCRIPTOR : 0), at + 2);
  header.writeUInt16LE(time, at + 6);
  header.writeUInt16LE(date, at + 8);
  header.writeUInt32LE(entry.crc ?? 0, at + 10);
  header.writeUInt32LE(Math.min(entry.size, MAX_32), at + 14);
  header.writeUInt32LE(Math.min(entry.size, MAX_32), at + 18);
  header.writeUInt16LE(entry.name.length, at + 22);
  header.writeUInt16LE(extraBytes, at + 24);
}

const NOTHING = Buffer.alloc(0);

/** Zip64 extended information (4.5.3). */
function zip64Field(values: number[]): Buffer {
  const field = blank(4 + 8 * values.length);
  field.writeUInt16LE(0x0001, 0);
  field.writeUInt16LE(8 * values.length, 2);
  values.forEach((value, index) => field.writeBigUInt64LE(BigInt(value), 4 + 8 * index));
  return field;
}

/** Info-ZIP's extended timestamp with the mtime in UTC; left out for one that its 32 bits cannot hold. */
function timeField(mtimeNs: bigint): Buffer {
  const seconds = secondsOf(mtimeNs);
  if (seconds < -0x80000000 || seconds > 0x7fffffff) return NOTHING;
  const field = blank(9);
  field.writeUInt16LE(0x5455, 0);
  field.writeUInt16LE(5, 2);
  field.writeUInt8(1, 4);
  field.writeInt32LE(seconds, 5);
  return field;
}

function secondsOf(mtimeNs: bigint): number {
  return Math.floor(Number(mtimeNs / 1_000_000n) / 1000);
}

const DOS_FIRST = Date.UTC(1980, 0, 1);
const DOS_LAST = Date.UTC(2107, 11, 31, 23, 59, 58);

/** Two-second steps from 1980 to 2107, here in UTC, for readers that know nothing better. */
function dosTime(mtimeNs: bigint): { date: number; time: number } {
  const at = new Date(Math.min(Math.max(secondsOf(mtimeNs) * 1000, DOS_FIRST), DOS_LAST));
  return {
    date: ((at.getUTCFullYear() - 1980) << 9) | ((at.getUTCMonth() + 1) << 5) | at.getUTCDate(),
    time: (at.getUTCHours() << 11) | (at.getUTCMinutes() << 5) | (at.getUTCSeconds() >> 1),
  };
}
