import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { type StagingRecord } from '@app/records';

const ID_BYTES = 16;
const TIME_BYTES = 6;
const MAC_BYTES = 32;
const TOKEN_BYTES = ID_BYTES + TIME_BYTES + MAC_BYTES;

/** Of a link: 54 bytes, so that there is one way only to write each in base64url. */
const TOKEN = /^[A-Za-z0-9_-]{72}$/;

/** Keeps signatures of other kinds, should there ever be some, apart from these. */
const PURPOSE = 'download link';

/** What a token says; whether that is true, {@link DownloadTokens.isGenuine} tells. */
export interface Claim {
  operationId: string;
  expiresAt: Date;
  mac: Buffer;
}

/** What a signature is over: the operation, its user and its file. */
export type Signed = Pick<StagingRecord, 'id' | 'username' | 'storage' | 'localPathOnStorage' | 'nameEncoding'>;

/**
 * Makes and checks the tokens of download links: the operation's id, the time at which the link ends, and an HMAC-SHA256
 * over both, the user and the file. Without a secret of the site one is made, and a restart ends all links.
 */
export class DownloadTokens {
  private readonly key: Buffer;

  constructor(secret: string | undefined) {
    this.key = secret === undefined ? randomBytes(MAC_BYTES) : Buffer.from(secret);
  }

  /** A token that works until `expiresAt`, to the millisecond. */
  sign(record: Signed, expiresAt: Date): string {
    return Buffer.concat([idBytes(record.id), timeBytes(expiresAt), this.mac(record, expiresAt)]).toString('base64url');
  }

  /** What a text says when it has the form of a token, else null. */
  read(text: string): Claim | null {
    if (!TOKEN.test(text)) return null;
    const bytes = Buffer.from(text, 'base64url');
    const id = bytes.toString('hex', 0, ID_BYTES);
    return {
      operationId: id.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5'),
      expiresAt: new Date(bytes.readUIntBE(ID_BYTES, TIME_BYTES)),
      mac: bytes.subarray(TOKEN_BYTES - MAC_BYTES),
    };
  }

  /** Whether this service signed it for this record; takes the same time wherever the two differ. */
  isGenuine(claim: Claim, record: Signed): boolean {
    return timingSafeEqual(claim.mac, this.mac(record, claim.expiresAt));
  }

  private mac({ id, username, storage, localPathOnStorage, nameEncoding }: Signed, expiresAt: Date): Buffer {
    const text = JSON.stringify([
      PURPOSE,
      id,
      expiresAt.getTime(),
      username,
      storage,
      localPathOnStorage,
      nameEncoding,
    ]);
    return createHmac('sha256', this.key).update(text).digest();
  }
}

function idBytes(id: string): Buffer {
  return Buffer.from(id.replaceAll('-', ''), 'hex');
}

function timeBytes(time: Date): Buffer {
  const bytes = Buffer.alloc(TIME_BYTES);
  bytes.writeUIntBE(time.getTime(), 0, TIME_BYTES);
  return bytes;
}
