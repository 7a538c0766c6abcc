/** What a site says of its sign-in; null where it has none. */
export const AUTH_OPTIONS = Symbol('AUTH_OPTIONS');
