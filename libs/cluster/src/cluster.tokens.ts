/** Token of the {@link Bus} of the process. */
export const BUS = Symbol('BUS');
/** Token of the {@link RedisLink} of the process; null where there is no Redis. */
export const REDIS_LINK = Symbol('REDIS_LINK');
