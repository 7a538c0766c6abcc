import { type CanActivate, Injectable } from '@nestjs/common';
import { AppError, Settings } from '@app/core';

/** Where the site does not offer to create files, the endpoint does not exist. */
@Injectable()
export class FileCreationGuard implements CanActivate {
  constructor(private readonly settings: Settings) {}

  canActivate(): boolean {
    if (!this.settings.get('FILE_CREATION_ENABLED')) {
      throw new AppError('not_found', 'This site does not create files.');
    }
    return true;
  }
}
