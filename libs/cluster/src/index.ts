export { type Bus, type Messages, SilentBus, type Topic } from './bus/bus';
export { RedisBus } from './bus/redis-bus';
export { ClusterModule, type ClusterModuleOptions } from './cluster.module';
export { BUS, REDIS_LINK } from './cluster.tokens';
export { LogRelay, type LogRelayOptions } from './logs/log-relay';
export { queueUnavailable, RedisLink, type RedisLinkOptions } from './redis/redis-link';
