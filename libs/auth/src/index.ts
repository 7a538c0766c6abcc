export { AuthModule, type AuthModuleOptions } from './auth.module';
export { Authenticator } from './authenticator';
export { type AuthOptions, USERNAME } from './contract/auth-options';
export { ANYONE, type Caller, isOperator, isOwn, mayActFor, maySee, type Owned, type Role } from './contract/caller';
export { identityOf } from './tokens/claims';
