import { Inject, Injectable } from '@nestjs/common';
import { MethodRegistry } from '../contract/method-registry';
import { type StagingOptions } from '../contract/staging-options';
import { STAGING_OPTIONS } from '../staging.tokens';

/** How users see their areas. */
@Injectable()
export class UserViews {
  constructor(
    private readonly methods: MethodRegistry,
    @Inject(STAGING_OPTIONS) private readonly options: Pick<StagingOptions, 'userViewPrefix'>,
  ) {}

  /** What paths that a method stages are relative to, as the user sees it; undefined where they are told as they are. */
  of(method: string, username: string): string | undefined {
    if (this.methods.find(method)?.capabilities.destination !== 'user_area') return undefined;
    return this.options.userViewPrefix?.replaceAll('{username}', username);
  }
}
