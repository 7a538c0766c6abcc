import { Controller, Get, Redirect } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import { Settings } from '@app/core';
import { Access } from '../auth/access.decorator';
import { publicPrefix } from './public-prefix';
import { pageFolder } from './installation';

/** Where a browser begins: the page where it was built, else the description of the API. */
@ApiExcludeController()
@Access('open')
@Controller()
export class StartPageController {
  private readonly target: string;

  constructor(settings: Settings) {
    this.target = `${publicPrefix(settings)}${pageFolder() === null ? '/docs' : '/ui/'}`;
  }

  @Get()
  @Redirect()
  start(): { url: string } {
    return { url: this.target };
  }
}
