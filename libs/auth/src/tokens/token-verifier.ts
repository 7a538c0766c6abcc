import { createHash } from 'node:crypto';
import { errors, jwtVerify } from 'jose';
import { LRUCache } from 'lru-cache';
import { AppError } from '@app/core';
import { type AuthOptions } from '../contract/auth-options';
import { type Caller } from '../contract/caller';
import { type IdentityProvider } from '../provider/identity-provider';
import { callerOf, type Claims } from './claims';

/** Signatures by a key pair. Never `none`, and none by a shared secret: a public key is no secret (RFC 8725, section 2.1). */
const ALGORITHMS = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
  'Ed25519',
];
/** Clocks may differ by so much, in seconds. */
const SKEW_SECONDS = 30;
/** Longest token that is looked at, in characters. */
const MAX_LENGTH = 16 * 1024;
/** Tokens whose userinfo is remembered, and for how long at most, in milliseconds. */
const MAX_KNOWN = 10_000;
const KNOWN_MS = 5 * 60_000;

/** Tells who a bearer token stands for. */
export class TokenVerifier {
  /** What the provider told of tokens that do not say it themselves; by hash, as tokens are secrets. */
  private readonly told = new LRUCache<string, Claims>({ max: MAX_KNOWN, ttl: KNOWN_MS });

  constructor(
    private readonly provider: Pick<IdentityProvider, 'keyOf' | 'userinfo'>,
    private readonly options: AuthOptions,
  ) {}

  /**
   * Checks signature, issuer, audience and times (RFC 7519, RFC 8725). Throws `unauthorized` for a token that is not
   * good, `forbidden` for a user that the site cannot serve, `auth_unavailable` where nobody can tell.
   */
  async verify(token: string): Promise<Caller> {
    const claims = await this.check(token);
    return callerOf(await this.completed(claims, token), this.options);
  }

  private async check(token: string): Promise<Claims> {
    if (token.length > MAX_LENGTH) throw notGood('It is too long.');
    try {
      // Keys come from the provider alone, whatever `jku`, `jwk` or `x5u` in the token's head say.
      const { payload } = await jwtVerify(token, this.provider.keyOf, {
        issuer: this.options.issuer,
        audience: this.options.audience,
        algorithms: ALGORITHMS,
        clockTolerance: SKEW_SECONDS,
        requiredClaims: ['exp', 'sub'],
      });
      return payload;
    } catch (error) {
      if (error instanceof AppError) throw error;
      throw notGood(reasonOf(error));
    }
  }

  /** Access tokens need not have a user's name; then the provider is asked, never the request. */
  private async completed(claims: Claims, token: string): Promise<Claims> {
    const { usernameClaim, serviceSubjects } = this.options;
    if (claims[usernameClaim] !== undefined || serviceSubjects.includes(claims.sub as string)) return claims;
    const key = createHash('sha256').update(token).digest('base64');
    const told = this.told.get(key) ?? (await this.ask(claims, token));
    this.told.set(key, told);
    return { ...told, ...claims };
  }

  private async ask({ sub }: Claims, token: string): Promise<Claims> {
    const told = await this.provider.userinfo(token);
    // It must be about the same user (OpenID Connect Core 1.0, section 5.3.2).
    const isTheirs = typeof told === 'object' && told !== null && (told as Claims).sub === sub;
    return isTheirs ? (told as Claims) : {};
  }
}

/** What is wrong with a token, so that its holder can mend it; nothing of it is repeated. */
function reasonOf(error: unknown): string {
  if (error instanceof errors.JWTExpired) return 'It has expired.';
  if (error instanceof errors.JWTClaimValidationFailed) return `Its ${error.claim} is not right for this service.`;
  return 'It is not one of the sign-in of this site.';
}

function notGood(reason: string): AppError {
  return new AppError('unauthorized', `The token is not accepted. ${reason}`);
}
