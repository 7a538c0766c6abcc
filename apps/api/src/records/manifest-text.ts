import { readPath } from '@app/files';
import { type StagingFile } from '@app/records';

/** Algorithms whose lines coreutils writes as `<hex>  <path>`; others are tagged, as xxhsum does it. */
const PLAIN = new Set(['sha256', 'md5']);
const ESCAPES: Record<string, string> = { '\\': '\\\\', '\n': '\\n', '\r': '\\r' };

/**
 * A manifest as a checksum file: `sha256sum --check` (or `md5sum`) reads it, in the directory that was staged. Names are
 * the bytes that they are on disk. As coreutils does it, a line whose name has a backslash or a line break begins with a
 * backslash, and they are escaped. Files without a checksum, and links, are left out.
 */
export async function* manifestText(pages: AsyncIterable<StagingFile[]>): AsyncGenerator<Buffer> {
  for await (const page of pages) {
    const lines = page.map(lineOf).join('');
    if (lines !== '') yield Buffer.from(lines, 'latin1');
  }
}

/** In latin1, one character a byte. */
function lineOf({ path, nameEncoding, algorithm, checksum }: StagingFile): string {
  if (!algorithm || !checksum) return '';
  const raw = readPath('path', path, nameEncoding);
  const name = raw.replace(/[\\\n\r]/g, (character) => ESCAPES[character]!);
  const mark = name === raw ? '' : '\\';
  return PLAIN.has(algorithm)
    ? `${mark}${checksum}  ${name}\n`
    : `${mark}${algorithm.toUpperCase()} (${name}) = ${checksum}\n`;
}
