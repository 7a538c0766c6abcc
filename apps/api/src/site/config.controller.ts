import { Controller, Get, Req } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { type Request } from 'express';
import { isOperator } from '@app/auth';
import { Settings } from '@app/core';
import { MAX_PATH_BYTES, MAX_SEGMENT_BYTES } from '@app/files';
import { MethodMonitor, RootMonitor } from '@app/monitoring';
import { MethodRegistry } from '@app/staging';
import { Access } from '../auth/access.decorator';
import { callerIfKnown } from '../auth/authentication';
import { ApiErrors } from '../http/api-errors.decorator';
import { AllowedMethodsDto, ConfigDto, type LimitsDto } from './dto/config.dto';
import { VERSION } from './installation';
import { rootDto, storageDto } from './root-dto';

/** What there is to know of the site. No file is touched for an answer, so that it is fast under any load. */
@ApiTags('site')
@Access('open')
@Controller('config')
export class ConfigController {
  constructor(
    private readonly settings: Settings,
    private readonly methods: MethodRegistry,
    private readonly roots: RootMonitor,
    private readonly neighbours: MethodMonitor,
  ) {}

  @Get()
  @ApiOperation({
    operationId: 'getConfig',
    summary: 'Look at the site',
    description:
      'Storages, methods and limits. Holds no secret; where the site has sign-in, paths are told to operators only.',
  })
  @ApiOkResponse({ description: 'The site.', type: ConfigDto })
  @ApiErrors({ path: '/config', codes: [] })
  config(@Req() request: Request): ConfigDto {
    const { target, storages } = this.roots.seen;
    const caller = callerIfKnown(request);
    const tellsPaths = caller !== null && isOperator(caller);
    return {
      version: VERSION,
      source_storage_path: tellsPaths ? storages[0]!.path : null,
      target_storage_path: tellsPaths ? target.path : null,
      allowed_methods: this.methods.enabledNames,
      methods: this.methods.offered.map(({ name, aliases, description, capabilities }) => ({
        name,
        aliases: [...aliases],
        description,
        needs_relative_path: capabilities.destination !== 'none',
        ...this.availabilityOf(name),
      })),
      storages: storages.map((state) => storageDto(state, tellsPaths)),
      user_areas: rootDto(target, tellsPaths),
      jupyterhub_url: this.settings.get('JUPYTERHUB_URL') ?? null,
      caller: caller && { role: caller.role, username: caller.username },
      checksum: this.settings.get('CHECKSUM'),
      source_access: this.settings.get('SOURCE_ACCESS'),
      link_fallback: this.settings.get('LINK_FALLBACK'),
      user_view_prefix: this.settings.get('USER_VIEW_PREFIX') ?? null,
      file_creation_enabled: this.settings.get('FILE_CREATION_ENABLED'),
      limits: this.limits(),
      auth: {
        mode: this.settings.get('AUTH_MODE'),
        issuer: this.settings.get('OIDC_ISSUER') ?? null,
        client_id: this.settings.get('OIDC_CLIENT_ID') ?? null,
        audience: this.settings.get('OIDC_AUDIENCE') ?? null,
      },
    };
  }

  private limits(): LimitsDto {
    return {
      max_tree_files: this.settings.get('MAX_TREE_FILES'),
      max_operation_bytes: this.settings.get('MAX_OPERATION_BYTES'),
      max_batch_items: this.settings.get('MAX_BATCH_ITEMS'),
      max_running_per_user: this.settings.get('MAX_RUNNING_PER_USER'),
      max_queued_per_user: this.settings.get('MAX_QUEUED_PER_USER'),
      max_running: this.settings.get('WORKER_CONCURRENCY'),
      max_path_bytes: MAX_PATH_BYTES,
      max_segment_bytes: MAX_SEGMENT_BYTES,
      download_url_ttl_seconds: this.settings.get('DOWNLOAD_URL_TTL_SECONDS'),
    };
  }

  private availabilityOf(name: string): { available: boolean | null; problem: string | null } {
    const state = this.neighbours.seen.find((one) => one.name === name);
    return { available: state?.available ?? null, problem: state?.problem ?? null };
  }

  @Get('allowed-methods')
  @ApiOperation({ operationId: 'getAllowedMethods', summary: 'List the methods that the site offers' })
  @ApiOkResponse({ description: 'The methods.', type: AllowedMethodsDto })
  @ApiErrors({ path: '/config/allowed-methods', codes: [] })
  allowedMethods(): AllowedMethodsDto {
    return { allowed_methods: this.methods.enabledNames };
  }
}
