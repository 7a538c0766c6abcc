import contentDisposition from 'content-disposition';
import { type Checksum, type OpenFile, type OpenTree, type RawName, rawFromText } from '@app/files';
import { representationOf } from './representation';

function file(name: RawName, identity: Partial<OpenFile['identity']> = {}): OpenFile {
  const seen = { device: '64768', inode: '42', size: 5, mtimeNs: '1769947200123456789', ...identity };
  return { kind: 'file', name, identity: seen } as OpenFile;
}

const headersOf = (source: OpenFile, checksum: Checksum | null = null) => {
  return representationOf(source, checksum, 'zip').headers as Record<string, string>;
};

describe('representationOf', () => {
  it('tells all of a file', () => {
    expect(representationOf(file('42.fits'), null, 'zip')).toEqual({
      size: 5,
      validators: { etag: '"fd00-2a-5-18901d99d68e4d15"', lastModified: new Date('2026-02-01T12:00:00Z') },
      headers: {
        'Content-Type': 'application/octet-stream',
        'Content-Disposition': 'attachment; filename="42.fits"',
        'Accept-Ranges': 'bytes',
        ETag: '"fd00-2a-5-18901d99d68e4d15"',
        'Last-Modified': 'Sun, 01 Feb 2026 12:00:00 GMT',
        'X-Content-Type-Options': 'nosniff',
        'Content-Security-Policy': 'sandbox',
        'Referrer-Policy': 'no-referrer',
        'Cache-Control': 'private, no-store',
      },
    });
  });

  it.each(['device', 'inode', 'mtimeNs', 'size'])('has another tag for another %s', (field) => {
    expect(headersOf(file('a', { [field]: field === 'size' ? 6 : '7' })).ETag).not.toBe(headersOf(file('a')).ETag);
  });

  it('does not tell a time that is still to come', () => {
    const future = `${BigInt(Date.now() + 3_600_000) * 1_000_000n}`;
    expect(headersOf(file('a', { mtimeNs: future }))).not.toHaveProperty('Last-Modified');
  });

  it.each([
    'plain.fits',
    'with space',
    'quote ".fits',
    'Grüße.txt',
    'übung, 100 % (2).dat',
    '50%41.txt',
    'emoji 🔭.fits',
    'two\nlines\r\nX-Evil: yes',
    "it's;a=b",
    '\u202egnp.exe',
    'nul\u0001',
  ])('carries the name %j in one line of ASCII, and back', (name) => {
    const header = headersOf(file(rawFromText(name)))['Content-Disposition']!;
    expect(header).toMatch(/^attachment; [\x20-\x7e]+$/);
    expect(contentDisposition.parse(header).parameters.filename).toBe(name);
  });

  it('has no backslash, which receivers take for the end of a directory', () => {
    const header = headersOf(file('a\\b'))['Content-Disposition']!;
    expect(contentDisposition.parse(header).parameters.filename).toBe('a_b');
  });

  it('percent-encodes a name that is not UTF-8', () => {
    const header = headersOf(file('caf\xff.fits'))['Content-Disposition']!;
    expect(contentDisposition.parse(header).parameters.filename).toBe('caf%FF.fits');
  });

  it.each<[Checksum, string | undefined]>([
    [{ algorithm: 'md5', value: '5d41402abc4b2a76b9719d911017c592' }, 'md5=:XUFAKrxLKna5cZ2REBfFkg==:'],
    [{ algorithm: 'sha256', value: '0'.repeat(64) }, `sha-256=:${Buffer.alloc(32).toString('base64')}:`],
    [{ algorithm: 'adler32', value: '62c0215' }, 'adler=:BiwCFQ==:'],
    [{ algorithm: 'xxh3', value: '9555e8555c62dcfd' }, undefined],
  ])('tells the checksum %j by its registered name', (checksum, digest) => {
    expect(headersOf(file('a'), checksum)['Repr-Digest']).toBe(digest);
  });

  it.each([
    ['zip', 'application/zip'],
    ['tar', 'application/x-tar'],
  ] as const)('tells a directory as %s, without what ranges and conditions need', (format, type) => {
    const tree = { kind: 'directory', name: 'night1' } as OpenTree;
    const { size, validators, headers } = representationOf(tree, null, format);
    expect({ size, validators }).toEqual({ size: undefined, validators: {} });
    expect(headers).toMatchObject({
      'Content-Type': type,
      'Content-Disposition': `attachment; filename="night1.${format}"`,
      'Accept-Ranges': 'none',
    });
    expect(headers).not.toHaveProperty('ETag');
  });
});
