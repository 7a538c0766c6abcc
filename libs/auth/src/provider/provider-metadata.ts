import { z } from 'zod';
import { isSafeUrl } from '@app/core';

/** Time that the provider may take to answer, in milliseconds. */
const TIMEOUT_MS = 5000;
/** No document of a provider is larger, in bytes. */
const MAX_BYTES = 1024 ** 2;

/** What of a provider's description matters here (OpenID Connect Discovery 1.0, section 3). */
const METADATA = z.object({
  issuer: z.string(),
  jwks_uri: z.string(),
  userinfo_endpoint: z.string().optional(),
});

/** A provider's own description. */
export interface ProviderMetadata {
  jwksUri: URL;
  userinfoEndpoint: URL | null;
}

/**
 * Reads the description of a provider. Rejects when it does not answer, is of another issuer (section 4.3), or names
 * addresses that are not safe.
 */
export async function discover(issuer: string): Promise<ProviderMetadata> {
  const address = `${issuer.replace(/\/+$/, '')}/.well-known/openid-configuration`;
  const metadata = METADATA.parse(await readJson(new URL(address)));
  if (metadata.issuer !== issuer) throw new Error('The description is of another issuer');
  return {
    jwksUri: safeUrl(metadata.jwks_uri),
    userinfoEndpoint: metadata.userinfo_endpoint === undefined ? null : safeUrl(metadata.userinfo_endpoint),
  };
}

/** The provider answered, but not with what it was asked for. */
export class ProviderRefused extends Error {
  constructor(readonly status: number) {
    super(`The provider answered ${status}`);
    this.name = 'ProviderRefused';
  }
}

/** Reads a JSON document of the provider; rejects with {@link ProviderRefused} on any status but 200. Follows no redirect. */
export async function readJson(url: URL, headers: Record<string, string> = {}): Promise<unknown> {
  const response = await fetch(url, {
    headers: { accept: 'application/json', ...headers },
    redirect: 'error',
    signal: AbortSignal.timeout(TIMEOUT_MS),
  });
  if (response.status !== 200) {
    await response.body?.cancel();
    throw new ProviderRefused(response.status);
  }
  return JSON.parse(await readText(response)) as unknown;
}

async function readText({ body }: Response): Promise<string> {
  const pieces: Uint8Array[] = [];
  let size = 0;
  for await (const piece of (body ?? []) as AsyncIterable<Uint8Array>) {
    size += piece.length;
    if (size > MAX_BYTES) throw new Error('The provider answered too much');
    pieces.push(piece);
  }
  return Buffer.concat(pieces).toString('utf8');
}

/** What somebody on the way could change is not trusted: `http` is for this host only. */
function safeUrl(text: string): URL {
  const url = new URL(text);
  if (!isSafeUrl(url)) throw new Error('The description names an address that is not https');
  return url;
}
