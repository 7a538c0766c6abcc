import { createHash } from 'node:crypto';
import { xxh3 } from '@node-rs/xxhash';
import { createAdler32, type IHasher } from 'hash-wasm';

/** Checksums that the service computes: XXH3-64 (canonical big-endian form), SHA-256, MD5 and Adler-32 (RFC 1950). */
export type Algorithm = 'xxh3' | 'sha256' | 'md5' | 'adler32';

/** A checksum with the way it was made; `value` is lower-case hex of full length. */
export interface Checksum {
  algorithm: Algorithm;
  value: string;
}

/** A checksum in the making. */
export interface RunningHash {
  update(data: Buffer): void;
  /** The checksum as lower-case hex; ends this hash. */
  digest(): string;
}

let adler32: IHasher | undefined;

/** Loads what cannot be loaded synchronously; awaited once in each thread before {@link startHash}. */
export async function prepareHashing(): Promise<void> {
  adler32 ??= await createAdler32();
}

const hex64 = (value: bigint): string => value.toString(16).padStart(16, '0');

/** Begins a checksum. Adler-32 has one state a thread, so only one may be under way at a time. */
export function startHash(algorithm: Algorithm): RunningHash {
  switch (algorithm) {
    case 'xxh3': {
      const state = xxh3.Xxh3.withSeed();
      return { update: (data) => void state.update(data), digest: () => hex64(state.digest()) };
    }
    case 'sha256':
    case 'md5': {
      const state = createHash(algorithm);
      return { update: (data) => void state.update(data), digest: () => state.digest('hex') };
    }
    case 'adler32': {
      if (!adler32) throw new Error('prepareHashing() was not awaited');
      const state = adler32.init();
      return { update: (data) => void state.update(data), digest: () => state.digest('hex') };
    }
  }
}

/** The checksum of data that is all in memory. */
export function hashOf(algorithm: Algorithm, data: Buffer): string {
  if (algorithm === 'xxh3') return hex64(xxh3.xxh64(data));
  const hash = startHash(algorithm);
  hash.update(data);
  return hash.digest();
}

/** A caller's checksum in our form: lower case, Adler-32 with its leading zeros (Rucio writes both forms). */
export function normalizeChecksum(checksum: Checksum): Checksum {
  const value = checksum.value.toLowerCase();
  return { algorithm: checksum.algorithm, value: checksum.algorithm === 'adler32' ? value.padStart(8, '0') : value };
}
