import {
  type DynamicModule,
  Global,
  Inject,
  type InjectionToken,
  Module,
  type OnApplicationShutdown,
} from '@nestjs/common';
import { type Bus, SilentBus } from './bus/bus';
import { RedisBus } from './bus/redis-bus';
import { BUS, REDIS_LINK } from './cluster.tokens';
import { RedisLink, type RedisLinkOptions } from './redis/redis-link';

/** How the options are had; null: the process is alone. */
export interface ClusterModuleOptions<Args extends unknown[]> {
  inject: InjectionToken[];
  useFactory: (...args: Args) => RedisLinkOptions | null;
}

/** Time that a start waits for Redis: a process begins without it, and goes on when it comes. */
const READY_MS = 2000;

/** What the processes of a site share: the connection to Redis, and messages. Where there is no Redis, nothing. */
@Global()
@Module({})
export class ClusterModule implements OnApplicationShutdown {
  constructor(@Inject(REDIS_LINK) private readonly link: RedisLink | null) {}

  static forRootAsync<Args extends unknown[]>({ inject, useFactory }: ClusterModuleOptions<Args>): DynamicModule {
    const link = {
      provide: REDIS_LINK,
      inject,
      useFactory: async (...args: Args): Promise<RedisLink | null> => {
        const options = useFactory(...args);
        if (options === null) return null;
        const made = new RedisLink(options);
        await made.ready(READY_MS);
        return made;
      },
    };
    const bus = {
      provide: BUS,
      inject: [REDIS_LINK],
      useFactory: (made: RedisLink | null): Bus => (made ? new RedisBus(made) : new SilentBus()),
    };
    return { module: ClusterModule, providers: [link, bus], exports: [REDIS_LINK, BUS] };
  }

  onApplicationShutdown(): void {
    this.link?.close();
  }
}
