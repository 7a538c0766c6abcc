/**
 * A file name or path as the kernel has it: bytes, held as a string of one character a byte (latin1). File names on
 * Linux are bytes, not text; this form keeps every one of them exactly, compares and joins like text, and passes
 * between threads cheaply.
 */
export type RawName = string;

const ASCII = /^[\x01-\x7f]*$/; // eslint-disable-line no-control-regex -- the range is meant

/** The bytes of a path for a system call: plain text where that is the same, which Node passes on faster. */
export function rawPath(raw: RawName): string | Buffer {
  return ASCII.test(raw) ? raw : Buffer.from(raw, 'latin1');
}

/** UTF-8 text as raw bytes. */
export function rawFromText(text: string): RawName {
  return ASCII.test(text) ? text : Buffer.from(text, 'utf8').toString('latin1');
}

/** The path of a name in a directory of a tree, whose own path is empty. */
export function inTree(directory: RawName, name: RawName): RawName {
  return directory === '' ? name : `${directory}/${name}`;
}

/** True when the raw bytes are one name: not empty, `.` or `..`, without a slash or NUL. */
export function isPlainName(name: RawName): boolean {
  return name !== '' && name !== '.' && name !== '..' && !name.includes('/') && !name.includes('\0');
}
