import { type BigIntStats } from 'node:fs';
import { xxh3 } from '@node-rs/xxhash';
import { type RawName } from '../names/raw-name';

/** Grow when this part of the places is taken: beyond it, looks become long. */
const FULL = 0.5;
const FIRST_PLACES = 1024;

/** What a row says of one file or link, as far as its identity goes. */
export interface Identified {
  path: RawName;
  size: number;
  mtimeNs: string;
  device: string;
  inode: string;
}

/** The identity of what lies at a path of a tree. */
export function identifiedBy(path: RawName, { size, mtimeNs, dev, ino }: BigIntStats): Identified {
  return { path, size: Number(size), mtimeNs: String(mtimeNs), device: String(dev), inode: String(ino) };
}

/**
 * A set of manifest rows that several threads can read: for each a number of 64 bits made of all of its path, size, time,
 * device and inode, in shared memory (16 to 32 bytes a row). That two rows of a tree have the same number by chance is
 * as good as impossible.
 */
export class IdentitySet {
  private count = 0;

  private constructor(private places: BigUint64Array<SharedArrayBuffer>) {}

  /** The set of the rows that come, in parts. `identify` tells what of a row counts. */
  static async of(
    rows: AsyncIterable<Identified[]>,
    identify: (row: Identified) => bigint = identityOf,
  ): Promise<IdentitySet> {
    const set = new IdentitySet(emptyPlaces(FIRST_PLACES));
    for await (const part of rows) for (const row of part) set.add(identify(row));
    return set;
  }

  /** The same set in another thread. */
  static from({ memory, size }: SharedIdentities): IdentitySet {
    const set = new IdentitySet(new BigUint64Array(memory));
    set.count = size;
    return set;
  }

  /** Number of different rows. */
  get size(): number {
    return this.count;
  }

  /** For {@link from}. */
  get shared(): SharedIdentities {
    return { memory: this.places.buffer, size: this.count };
  }

  has(identity: bigint): boolean {
    return this.places[this.placeOf(this.places, identity)] === identity;
  }

  private add(identity: bigint): void {
    if (this.count + 1 > this.places.length * FULL) this.grow();
    const place = this.placeOf(this.places, identity);
    if (this.places[place] === identity) return;
    this.places[place] = identity;
    this.count += 1;
  }

  private grow(): void {
    const larger = emptyPlaces(this.places.length * 2);
    for (const identity of this.places) if (identity !== 0n) larger[this.placeOf(larger, identity)] = identity;
    this.places = larger;
  }

  /** Where an identity is, or would be. */
  private placeOf(places: BigUint64Array, identity: bigint): number {
    const mask = places.length - 1;
    let place = Number(BigInt.asUintN(32, identity)) & mask;
    while (places[place] !== 0n && places[place] !== identity) place = (place + 1) & mask;
    return place;
  }
}

/** An {@link IdentitySet} on its way to another thread. */
export interface SharedIdentities {
  memory: SharedArrayBuffer;
  size: number;
}

function emptyPlaces(places: number): BigUint64Array<SharedArrayBuffer> {
  return new BigUint64Array(new SharedArrayBuffer(places * BigUint64Array.BYTES_PER_ELEMENT));
}

/** The number of a row: all that its file system and the tree know it by. Never 0. */
export function identityOf({ path, size, mtimeNs, device, inode }: Identified): bigint {
  return numberOf(`${path}\0${size}\0${mtimeNs}\0${device}\0${inode}`);
}

/** The number of a row of which only path, device and inode count: a hard link's file may have changed on the storage. */
export function inodeIdentityOf({ path, device, inode }: Identified): bigint {
  return numberOf(`${path}\0${device}\0${inode}`);
}

function numberOf(text: string): bigint {
  return BigInt(xxh3.xxh64(text)) || 1n;
}
