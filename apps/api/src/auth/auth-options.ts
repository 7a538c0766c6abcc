import { type AuthOptions } from '@app/auth';
import { type Settings } from '@app/core';
import { type AppLogger } from '@app/logging';

/** What the settings say of sign-in. */
export function authOptions(settings: Settings, logger: AppLogger): AuthOptions | null {
  if (settings.get('AUTH_MODE') === 'none') return null;
  return {
    issuer: settings.get('OIDC_ISSUER')!,
    audience: settings.get('OIDC_AUDIENCE')!,
    usernameClaim: settings.get('OIDC_USERNAME_CLAIM'),
    groupsClaim: settings.get('OIDC_GROUPS_CLAIM'),
    operatorGroups: settings.get('OIDC_OPERATOR_GROUPS'),
    serviceSubjects: settings.get('OIDC_SERVICE_SUBJECTS'),
    onTrouble: (error) =>
      logger.warning('The OpenID provider could not be read; what is known of it counts', { error }),
  };
}
