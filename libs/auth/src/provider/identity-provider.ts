import { createLocalJWKSet, errors, type JSONWebKeySet, type JWTVerifyGetKey } from 'jose';
import { AppError } from '@app/core';
import { type AuthOptions } from '../contract/auth-options';
import { discover, type ProviderMetadata, ProviderRefused, readJson } from './provider-metadata';

/** How often description and keys are read again, so that a key that was withdrawn does not count for ever, in milliseconds. */
const REFRESH_MS = 10 * 60_000;
/** Pause between two looks at the provider, whoever asks for them and however they end, in milliseconds. */
const PAUSE_MS = 30_000;

/** What is known of a provider. */
interface Known {
  metadata: ProviderMetadata;
  keys: ReturnType<typeof createLocalJWKSet>;
}

/**
 * The site's OpenID provider: its description and keys. A key that is new is found at most half a minute after the last
 * look; tokens that name keys which do not exist cannot make it ask more often than that. When the provider is away, what
 * is known of it goes on to count.
 */
export class IdentityProvider {
  private known: Known | null = null;
  private lookedAt = -Infinity;
  private lastFailed = false;
  private looking: Promise<void> | null = null;
  private readonly timer: NodeJS.Timeout;

  constructor(
    private readonly issuer: string,
    private readonly onTrouble: AuthOptions['onTrouble'],
  ) {
    this.timer = setInterval(() => void this.look().catch(() => undefined), REFRESH_MS);
    this.timer.unref();
  }

  /** Reads the provider for the first time, so that no caller has to wait for that. Never rejects. */
  async open(): Promise<void> {
    await this.look().catch(() => undefined);
  }

  /** Forgets the timer. */
  close(): void {
    clearInterval(this.timer);
  }

  /** The key that a token says it is signed with. Rejects with jose's error for one that the provider does not have. */
  readonly keyOf: JWTVerifyGetKey = async (header, token) => {
    const { keys } = await this.read();
    try {
      return await keys(header, token);
    } catch (error) {
      if (!(error instanceof errors.JWKSNoMatchingKey)) throw error;
    }
    // It may be newer than what is known; if the provider cannot tell now, nobody can.
    const isNew = await this.lookAgain();
    if (isNew) return this.known!.keys(header, token);
    throw new errors.JWKSNoMatchingKey();
  };

  /** What the provider tells of whoever a token is for (OpenID Connect Core 1.0, section 5.3); null where it does not. */
  async userinfo(token: string): Promise<unknown> {
    const { userinfoEndpoint } = (await this.read()).metadata;
    if (userinfoEndpoint === null) return null;
    try {
      return await readJson(userinfoEndpoint, { authorization: `Bearer ${token}` });
    } catch (error) {
      // Not every good token may ask there: that of a service, for one.
      if (error instanceof ProviderRefused && error.status < 500) return null;
      throw unavailable(error);
    }
  }

  private async read(): Promise<Known> {
    if (!this.known) {
      if (!this.mayLook) throw unavailable(undefined);
      await this.look();
    }
    return this.known!;
  }

  /** False when the last look was a moment ago and went well. */
  private async lookAgain(): Promise<boolean> {
    if (this.looking || this.mayLook) {
      await this.look();
      return true;
    }
    if (this.lastFailed) throw unavailable(undefined);
    return false;
  }

  private get mayLook(): boolean {
    return performance.now() - this.lookedAt >= PAUSE_MS;
  }

  /** One look at a time. Rejects with 503 when the provider cannot be read. */
  private look(): Promise<void> {
    this.looking ??= this.fetch().finally(() => (this.looking = null));
    return this.looking;
  }

  private async fetch(): Promise<void> {
    this.lookedAt = performance.now();
    try {
      const metadata = await discover(this.issuer);
      const keys = (await readJson(metadata.jwksUri)) as JSONWebKeySet;
      this.known = { metadata, keys: createLocalJWKSet(keys) };
      this.lastFailed = false;
    } catch (error) {
      this.lastFailed = true;
      this.onTrouble(error);
      throw unavailable(error);
    }
  }
}

function unavailable(cause: unknown): AppError {
  return new AppError('auth_unavailable', "The site's sign-in does not answer. Try again later.", { cause });
}
