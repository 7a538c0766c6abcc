/** Zeros to write a header into: from Node's pool, which for small pieces is several times faster than `Buffer.alloc`. */
export function blank(bytes: number): Buffer {
  return Buffer.allocUnsafe(bytes).fill(0);
}
