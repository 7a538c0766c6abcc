import { type DynamicModule, Global, type InjectionToken, Module } from '@nestjs/common';
import { AUTH_OPTIONS } from './auth.tokens';
import { Authenticator } from './authenticator';
import { type AuthOptions } from './contract/auth-options';

/** How the options are had. */
export interface AuthModuleOptions<Args extends unknown[]> {
  inject: InjectionToken[];
  /** Null: the site has no sign-in. */
  useFactory: (...args: Args) => AuthOptions | null;
}

/** Who callers are. */
@Global()
@Module({})
export class AuthModule {
  static forRootAsync<Args extends unknown[]>({ inject, useFactory }: AuthModuleOptions<Args>): DynamicModule {
    const options = { provide: AUTH_OPTIONS, inject, useFactory };
    return { module: AuthModule, providers: [options, Authenticator], exports: [Authenticator] };
  }
}
