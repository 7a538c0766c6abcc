/** Token of the list of all staging methods. */
export const STAGING_METHODS = Symbol('STAGING_METHODS');

/** Token of {@link StagingOptions}. */
export const STAGING_OPTIONS = Symbol('STAGING_OPTIONS');
