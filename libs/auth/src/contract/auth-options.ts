/** What a site says of its sign-in. */
export interface AuthOptions {
  /** The OpenID provider; exactly what its tokens say in `iss`. */
  issuer: string;
  /** What tokens for this service say in `aud`. */
  audience: string;
  /** Claim that holds the name of a user at this site. */
  usernameClaim: string;
  /** Claim that lists the groups of a user. */
  groupsClaim: string;
  /** Groups whose members are operators. */
  operatorGroups: readonly string[];
  /** Subjects (`sub`) that act for users. */
  serviceSubjects: readonly string[];
  /** Is told when the provider could not be read; what is known of it still counts. */
  onTrouble: (error: unknown) => void;
}

/** What a user's name is like (contract, section 1). */
export const USERNAME = /^[A-Za-z0-9_][A-Za-z0-9._@-]{0,63}$/;
