/** What the page says of who is signed in. */
export const sessionTexts = {
  signIn: 'Sign in',
  signOut: 'Sign out',
  signedIn: 'Signed in',
  signingIn: 'Signing in',
  operator: 'You are an operator of this site.',
  user: 'You see what is yours.',
  title: 'Sign in to go on',
  asks: (issuer: string) => `This site asks who you are, at ${issuer}.`,
  noClient: 'It names no client for this page (OIDC_CLIENT_ID): ask its operators, or use the API with a token.',
  failed: 'Signing in did not work',
};
