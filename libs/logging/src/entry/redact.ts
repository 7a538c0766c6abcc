/** What stands in the log in place of a secret. */
export const REDACTED = '[redacted]';

const SECRET_NAME = /authorization|cookie|token|secret|password/i;

// Each pattern begins with fixed characters and runs over a stretch that those end, so that no text makes it slow.
/** The user part of an address (RFC 3986, 3.2.1) that holds a password. */
const USER_INFO = /:\/\/[^\s/?#@:]*:[^\s/?#]*@/g;
/** Query values such as `jupyter_token=`, also in an address that is itself percent-encoded in another. */
const NAMED_VALUE = /(authorization|cookie|token|secret|password)(=|%3D)[^&\s"'<>]+/gi;
const BEARER = /\b(bearer\s+)[\w.~+/=-]{16,}/gi;

/** True when a field of this name is never shown. */
export function isSecretName(name: string): boolean {
  return SECRET_NAME.test(name);
}

/** The text without passwords in addresses, values of tokens in queries, and bearer tokens (RFC 6750). */
export function redactText(text: string): string {
  return text
    .replace(USER_INFO, `://${REDACTED}@`)
    .replace(NAMED_VALUE, `$1$2${REDACTED}`)
    .replace(BEARER, `$1${REDACTED}`);
}
