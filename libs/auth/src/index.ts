export { AuthModule, type AuthModuleOptions } from './auth.module';
export { Authenticator } from './authenticator';
export { type AuthOptions, USERNAME } from './contract/auth-options';
export { ANYONE, type Caller, isOperator, mayActFor, maySee } from './contract/caller';
