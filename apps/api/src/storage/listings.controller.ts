import { Controller, Get, Param, Query } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { type Caller } from '@app/auth';
import { Access, SignedIn } from '../auth/access.decorator';
import { checkMayActFor, checkMaySeeArea } from '../auth/ownership';
import { ApiErrors } from '../http/api-errors.decorator';
import { AreaParamsDto } from './dto/area-params.dto';
import { ListingQueryDto, StorageQueryDto } from './dto/listing-query.dto';
import { ListingPageDto } from './dto/listing.dto';
import { Listings } from './listings.service';

/** What lies on the storage and in user areas. */
@ApiTags('storage')
@Access('signed-in')
@Controller()
export class ListingsController {
  constructor(private readonly listings: Listings) {}

  @Get('storage')
  @ApiOperation({
    operationId: 'listStorage',
    summary: 'List a directory of the storage',
    description: "In the order of the names' bytes. Without path and storage: the storages themselves.",
  })
  @ApiOkResponse({ description: 'A page of the directory.', type: ListingPageDto })
  @ApiErrors({
    path: '/storage',
    codes: [
      'validation_failed',
      'forbidden',
      'source_not_found',
      'path_outside_storage',
      'source_forbidden',
      'storage_unavailable',
    ],
  })
  storage(@Query() query: StorageQueryDto, @SignedIn() caller: Caller): Promise<ListingPageDto> {
    if (query.username !== undefined) checkMayActFor(caller, query.username);
    return this.listings.ofStorage(query, query.username ?? caller.username);
  }

  @Get('user-areas/:username')
  @ApiOperation({
    operationId: 'listUserArea',
    summary: 'List a directory of a user area',
    description: "In the order of the names' bytes; links are not followed. The area of a user who has none is empty.",
  })
  @ApiOkResponse({ description: 'A page of the directory.', type: ListingPageDto })
  @ApiErrors({
    path: '/user-areas/jane',
    codes: ['validation_failed', 'path_outside_user_area', 'not_found', 'storage_unavailable'],
  })
  userArea(
    @Param() { username }: AreaParamsDto,
    @Query() query: ListingQueryDto,
    @SignedIn() caller: Caller,
  ): Promise<ListingPageDto> {
    checkMaySeeArea(caller, username);
    return this.listings.ofArea(username, query);
  }
}
