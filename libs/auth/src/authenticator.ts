import { Inject, Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { AppError } from '@app/core';
import { AUTH_OPTIONS } from './auth.tokens';
import { type AuthOptions } from './contract/auth-options';
import { ANYONE, type Caller } from './contract/caller';
import { IdentityProvider } from './provider/identity-provider';
import { TokenVerifier } from './tokens/token-verifier';

/** Tells who makes a request. */
@Injectable()
export class Authenticator implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly provider: IdentityProvider | null;
  private readonly verifier: TokenVerifier | null;

  constructor(@Inject(AUTH_OPTIONS) options: AuthOptions | null) {
    this.provider = options && new IdentityProvider(options.issuer, options.onTrouble);
    this.verifier = options && new TokenVerifier(this.provider!, options);
  }

  /** Begins to read the provider; does not wait for it, which may be away. */
  onApplicationBootstrap(): void {
    void this.provider?.open();
  }

  onApplicationShutdown(): void {
    this.provider?.close();
  }

  /** Whether one has to sign in. */
  get isOn(): boolean {
    return this.verifier !== null;
  }

  /**
   * Who a request is from; `token` as it came, undefined where none did. Throws `unauthorized`, `forbidden`,
   * `auth_unavailable`.
   */
  async callerWith(token: string | undefined): Promise<Caller> {
    if (!this.verifier) return ANYONE;
    if (token === undefined)
      throw new AppError('unauthorized', 'Sign in: send a token of this site as a bearer token.');
    return this.verifier.verify(token);
  }
}
